"""Adapter of the rule compare_controllers."""

from batterymi.stages.compare_controllers import compare_controllers
from batterymi.workflow.run import run_stage

run_stage(compare_controllers, snakemake)
