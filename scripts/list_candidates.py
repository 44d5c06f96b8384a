"""Adapter of the rule list_candidates."""

from batterymi.run import logged
from batterymi.screen.stage import list_candidates

with logged(snakemake.log[0]):
    list_candidates(snakemake.output.shards, snakemake.output.listing, **snakemake.params)
