"""Adapter of the rule compare_structures."""

from batterymi.stages.compare_structures import compare_structures
from batterymi.workflow.run import run_stage

run_stage(compare_structures, snakemake)
