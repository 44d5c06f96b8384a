"""Adapter of the rule suggest_batch."""

from batterymi.stages.suggest_batch import suggest_batch
from batterymi.workflow.run import run_stage

run_stage(suggest_batch, snakemake)
