"""Adapter of the rule cite_datasets."""

from batterymi.stages.cite_datasets import cite_datasets
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    cite_datasets(snakemake.output.citations, **snakemake.params)
