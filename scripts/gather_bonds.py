"""Adapter of the rule gather_bonds."""

from batterymi.stages.gather_bonds import gather_bonds
from batterymi.workflow.run import run_stage

run_stage(gather_bonds, snakemake)
