"""Adapter of the rule plot_arena."""

from batterymi.stages.plot_arena import plot_arena
from batterymi.workflow.run import run_stage

run_stage(plot_arena, snakemake)
