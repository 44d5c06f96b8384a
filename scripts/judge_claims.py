"""Adapter of the rule judge_claims."""

from batterymi.stages.judge_claims import judge_claims
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    judge_claims(
        snakemake.input.claims,
        snakemake.input.charges,
        snakemake.input.maps,
        snakemake.output.claims,
        **snakemake.params,
    )
