"""Adapter of the rule summarise_study."""

from batterymi.run import logged
from batterymi.summary.study import summarise_study

with logged(snakemake.log[0]):
    summarise_study(
        snakemake.wildcards.study,
        snakemake.input.table,
        snakemake.input.metrics,
        snakemake.input.suggestions,
        snakemake.input.benchmark,
        snakemake.input.named,
        snakemake.input.validation,
        snakemake.input.transfer or None,
        snakemake.input.ranking or None,
        snakemake.input.screen or None,
        snakemake.input.replay or None,
        snakemake.input.earlier or None,
        snakemake.output.summary,
        **snakemake.params,
    )
