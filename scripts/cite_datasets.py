"""Adapter of the rule cite_datasets."""

from batterymi.stages.cite_datasets import cite_datasets
from batterymi.workflow.run import run_stage

run_stage(cite_datasets, snakemake)
