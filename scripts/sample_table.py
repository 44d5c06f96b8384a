"""Adapter of the rule sample_table."""

from batterymi.stages.sample_table import sample_table
from batterymi.workflow.run import run_stage

run_stage(sample_table, snakemake)
