"""Adapter of the rule type_structures."""

from batterymi.stages.type_structures import type_structures
from batterymi.workflow.run import run_stage

run_stage(type_structures, snakemake)
