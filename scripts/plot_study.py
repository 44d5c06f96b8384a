"""Adapter of the rule plot_study."""

from batterymi.stages.plot_study import plot_study
from batterymi.workflow.run import run_stage

run_stage(plot_study, snakemake)
