"""Adapter of the rule read_structures."""

from batterymi.stages.read_structures import read_structures
from batterymi.workflow.run import run_stage

run_stage(read_structures, snakemake)
