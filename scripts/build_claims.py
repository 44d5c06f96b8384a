"""Adapter of the rule build_claims."""

from batterymi.run import logged
from batterymi.summary.claims import build_claims

with logged(snakemake.log[0]):
    build_claims(
        snakemake.input.claims,
        snakemake.input.summaries,
        snakemake.output.csv,
        snakemake.output.html,
    )
