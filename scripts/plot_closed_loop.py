"""Adapter of the rule plot_closed_loop."""

from batterymi.stages.plot_closed_loop import plot_closed_loop
from batterymi.workflow.run import run_stage

run_stage(plot_closed_loop, snakemake)
