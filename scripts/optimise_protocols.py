"""Adapter of the rule optimise_protocols."""

from batterymi.stages.optimise_protocols import optimise_protocols
from batterymi.workflow.run import run_stage

run_stage(optimise_protocols, snakemake)
