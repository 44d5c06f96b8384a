"""Adapter of the rule summarise_study."""

from batterymi.stages.summarise_study import summarise_study
from batterymi.workflow.run import logged

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
