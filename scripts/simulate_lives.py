"""Adapter of the rule simulate_lives."""

from batterymi.stages.simulate_lives import simulate_lives
from batterymi.workflow.run import run_stage

run_stage(simulate_lives, snakemake)
