"""Adapter of the rule gather_methods."""

from batterymi.stages.gather_methods import gather_methods
from batterymi.workflow.run import run_stage

run_stage(gather_methods, snakemake)
