"""Adapter of the rule gather_computed_sets."""

from batterymi.stages.gather_computed_sets import gather_computed_sets
from batterymi.workflow.run import run_stage

run_stage(gather_computed_sets, snakemake)
