"""Adapter of the rule close_loop."""

from batterymi.stages.close_loop import close_loop
from batterymi.workflow.run import run_stage

run_stage(close_loop, snakemake)
