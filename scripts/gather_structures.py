"""Adapter of the rule gather_structures."""

from batterymi.stages.gather_structures import gather_structures
from batterymi.workflow.run import run_stage

run_stage(gather_structures, snakemake)
