"""Adapter of the rule fit_conductivities."""

from batterymi.stages.fit_conductivities import fit_conductivities
from batterymi.workflow.run import run_stage

run_stage(fit_conductivities, snakemake)
