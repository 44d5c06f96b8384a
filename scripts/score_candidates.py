"""Adapter of the rule score_candidates."""

from batterymi.stages.score_candidates import score_candidates
from batterymi.workflow.run import logged

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
