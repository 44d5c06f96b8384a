"""Adapter of the rule compare_fidelities."""

from batterymi.stages.compare_fidelities import compare_fidelities
from batterymi.workflow.run import run_stage

run_stage(compare_fidelities, snakemake)
