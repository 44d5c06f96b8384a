"""Adapter of the rule compare_methods."""

from batterymi.stages.compare_methods import compare_methods
from batterymi.workflow.run import run_stage

run_stage(compare_methods, snakemake)
