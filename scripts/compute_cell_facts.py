"""Adapter of the rule compute_cell_facts."""

from batterymi.stages.compute_cell_facts import compute_cell_facts
from batterymi.workflow.run import run_stage

run_stage(compute_cell_facts, snakemake)
