"""Adapter of the rule tune_controllers."""

from batterymi.stages.tune_controllers import tune_controllers
from batterymi.workflow.run import run_stage

run_stage(tune_controllers, snakemake)
