"""Adapter of the rule build_summary."""

from batterymi.run import logged
from batterymi.summary.table import build_summary

with logged(snakemake.log[0]):
    build_summary(
        snakemake.input.summaries,
        snakemake.output.csv,
        snakemake.output.md,
        snakemake.output.html,
        snakemake.output.txt,
    )
