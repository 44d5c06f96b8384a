"""Adapter of the rule build_summary."""

from batterymi.stages.build_summary import build_summary
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    build_summary(
        snakemake.input.summaries,
        snakemake.output.csv,
        snakemake.output.md,
        snakemake.output.html,
        snakemake.output.txt,
    )
