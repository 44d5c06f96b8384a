"""Adapter of the rule compare_bonds."""

from batterymi.stages.compare_bonds import compare_bonds
from batterymi.workflow.run import run_stage

run_stage(compare_bonds, snakemake)
