"""Adapter of the rule plot_barriers."""

from batterymi.stages.plot_barriers import plot_barriers
from batterymi.workflow.run import run_stage

run_stage(plot_barriers, snakemake)
