"""Adapter of the rule simulate_controllers."""

from batterymi.stages.simulate_controllers import simulate_controllers
from batterymi.workflow.run import run_stage

run_stage(simulate_controllers, snakemake)
