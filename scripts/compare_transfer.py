"""Adapter of the rule compare_transfer."""

from batterymi.run import logged
from batterymi.surrogates.transfer import compare_transfer

with logged(snakemake.log[0]):
    compare_transfer(
        snakemake.input.table,
        snakemake.output.predictions,
        snakemake.output.result,
        **snakemake.params,
    )
