"""Adapter of the rule plot_fidelities."""

from batterymi.stages.plot_fidelities import plot_fidelities
from batterymi.workflow.run import run_stage

run_stage(plot_fidelities, snakemake)
