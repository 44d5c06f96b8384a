"""Adapter of the rule run_recipe."""

from batterymi.stages.run_recipe import run_recipe
from batterymi.workflow.run import run_stage

run_stage(run_recipe, snakemake)
