"""Adapter of the rule compare_transfer."""

from batterymi.stages.compare_transfer import compare_transfer
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    compare_transfer(
        snakemake.input.table,
        snakemake.output.predictions,
        snakemake.output.result,
        **snakemake.params,
    )
