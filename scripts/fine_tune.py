"""Adapter of the rule fine_tune."""

from batterymi.stages.fine_tune import fine_tune
from batterymi.workflow.run import run_stage

run_stage(fine_tune, snakemake)
