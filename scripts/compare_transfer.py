"""Adapter of the rule compare_transfer."""

from batterymi.stages.compare_transfer import compare_transfer
from batterymi.workflow.run import run_stage

run_stage(compare_transfer, snakemake)
