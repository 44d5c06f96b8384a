"""Adapter of the rule compare_computed_sets."""

from batterymi.stages.compare_computed_sets import compare_computed_sets
from batterymi.workflow.run import run_stage

run_stage(compare_computed_sets, snakemake)
