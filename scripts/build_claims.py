"""Adapter of the rule build_claims."""

from batterymi.stages.build_claims import build_claims
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    build_claims(
        snakemake.input.claims,
        snakemake.input.summaries,
        snakemake.output.csv,
        snakemake.output.html,
    )
