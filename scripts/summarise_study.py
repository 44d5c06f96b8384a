"""Adapter of the rule summarise_study."""

from batterymi.stages.summarise_study import summarise_study
from batterymi.workflow.run import run_stage

run_stage(summarise_study, snakemake)
