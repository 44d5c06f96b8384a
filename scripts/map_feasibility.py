"""Adapter of the rule map_feasibility."""

from batterymi.stages.map_feasibility import map_feasibility
from batterymi.workflow.run import run_stage

run_stage(map_feasibility, snakemake)
