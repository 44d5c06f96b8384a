"""Adapter of the rule fetch_dataset."""

from batterymi.data.fetch import fetch_dataset
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    fetch_dataset(
        snakemake.output.receipt,
        name=snakemake.wildcards.dataset,
        mirror=snakemake.resources.mirror or None,
        **snakemake.params,
    )
