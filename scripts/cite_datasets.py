"""Adapter of the rule cite_datasets."""

from batterymi.data.cite import cite_datasets
from batterymi.run import logged

with logged(snakemake.log[0]):
    cite_datasets(snakemake.output.citations, **snakemake.params)
