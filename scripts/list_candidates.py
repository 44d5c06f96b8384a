"""Adapter of the rule list_candidates."""

from batterymi.stages.score_candidates import list_candidates
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    list_candidates(snakemake.output.shards, snakemake.output.listing, **snakemake.params)
