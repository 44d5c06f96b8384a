"""Adapter of the rule plot_screen."""

from batterymi.stages.plot_screen import plot_screen
from batterymi.workflow.run import run_stage

run_stage(plot_screen, snakemake)
