"""Adapter of the rule gather_stability."""

from batterymi.stages.gather_stability import gather_stability
from batterymi.workflow.run import run_stage

run_stage(gather_stability, snakemake)
