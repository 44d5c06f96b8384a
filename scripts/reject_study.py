"""Adapter of the rule reject_study."""

from batterymi.stages.reject_study import reject_study
from batterymi.workflow.run import run_stage

run_stage(reject_study, snakemake)
