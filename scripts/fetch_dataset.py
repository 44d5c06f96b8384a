"""Adapter of the rule fetch_dataset."""

from batterymi.stages.fetch_dataset import fetch_dataset
from batterymi.workflow.run import run_stage

run_stage(fetch_dataset, snakemake)
