"""Adapter of the rule train_surrogate."""

from batterymi.run import logged
from batterymi.surrogates.train import train_surrogate

with logged(snakemake.log[0]):
    train_surrogate(
        snakemake.input.table,
        snakemake.input.report,
        snakemake.output.metrics,
        snakemake.output.predictions,
        snakemake.output.importances,
        snakemake.output.validation,
        snakemake.output.model,
        snakemake.output.card,
        **snakemake.params,
    )
