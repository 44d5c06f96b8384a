"""Adapter of the rule plot_stability."""

from batterymi.stages.plot_stability import plot_stability
from batterymi.workflow.run import run_stage

run_stage(plot_stability, snakemake)
