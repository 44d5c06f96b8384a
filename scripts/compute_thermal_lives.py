"""Adapter of the rule compute_thermal_lives."""

from batterymi.stages.compute_thermal_lives import compute_thermal_lives
from batterymi.workflow.run import run_stage

run_stage(compute_thermal_lives, snakemake)
