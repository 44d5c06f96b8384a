"""Adapter of the rule prepare_table."""

from batterymi.stages.prepare_table import prepare_table
from batterymi.workflow.run import run_stage

run_stage(prepare_table, snakemake)
