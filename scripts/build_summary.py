"""Adapter of the rule build_summary."""

from batterymi.stages.build_summary import build_summary
from batterymi.workflow.run import run_stage

run_stage(build_summary, snakemake)
