"""Adapter of the rule rank_candidates."""

from batterymi.stages.rank_candidates import rank_candidates
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    rank_candidates(
        snakemake.input.table,
        snakemake.input.model,
        snakemake.output.ranking,
        snakemake.output.report,
        **snakemake.params,
    )
