"""Adapter of the rule compare_weights."""

from batterymi.stages.compare_weights import compare_weights
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    compare_weights(snakemake.input.records, snakemake.output.table, **snakemake.params)
