"""Adapter of the rule gather_screen."""

from batterymi.stages.gather_screen import gather_screen
from batterymi.workflow.run import run_stage

run_stage(gather_screen, snakemake)
