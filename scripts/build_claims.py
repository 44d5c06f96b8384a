"""Adapter of the rule build_claims."""

from batterymi.stages.build_claims import build_claims
from batterymi.workflow.run import run_stage

run_stage(build_claims, snakemake)
