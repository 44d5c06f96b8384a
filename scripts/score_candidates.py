"""Adapter of the rule score_candidates."""

from batterymi.run import logged
from batterymi.screen.stage import score_candidates

with logged(snakemake.log[0]):
    score_candidates(
        snakemake.input.candidates,
        snakemake.input.table,
        snakemake.input.model,
        snakemake.input.predictions,
        snakemake.output.scored,
        snakemake.output.report,
        **snakemake.params,
    )
