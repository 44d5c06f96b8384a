"""Adapter of the rule compare_weights."""

from batterymi.stages.compare_weights import compare_weights
from batterymi.workflow.run import run_stage

run_stage(compare_weights, snakemake)
