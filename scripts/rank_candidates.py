"""Adapter of the rule rank_candidates."""

from batterymi.run import logged
from batterymi.surrogates.rank import rank_candidates

with logged(snakemake.log[0]):
    rank_candidates(
        snakemake.input.table,
        snakemake.input.model,
        snakemake.output.ranking,
        snakemake.output.report,
        **snakemake.params,
    )
