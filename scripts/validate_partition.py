"""Adapter of the rule validate_partition."""

from batterymi.stages.validate_partition import validate_partition
from batterymi.workflow.run import run_stage

run_stage(validate_partition, snakemake)
