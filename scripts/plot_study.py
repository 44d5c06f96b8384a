"""Adapter of the rule plot_study."""

from batterymi.stages.plot_study import plot_study
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    plot_study(
        snakemake.input.table,
        snakemake.input.metrics,
        snakemake.input.predictions,
        snakemake.input.importances,
        snakemake.input.history,
        snakemake.input.suggestions,
        snakemake.input.benchmark,
        snakemake.input.named,
        snakemake.input.validation,
        snakemake.input.traces or None,
        snakemake.input.transfer or None,
        snakemake.input.ranking or None,
        snakemake.input.earlier or None,
        snakemake.output.done,
        **snakemake.params,
    )
