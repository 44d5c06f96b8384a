"""Adapter of the rule describe_barriers."""

from batterymi.stages.describe_barriers import describe_barriers
from batterymi.workflow.run import run_stage

run_stage(describe_barriers, snakemake)
