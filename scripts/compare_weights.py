"""Adapter of the rule compare_weights."""

from batterymi.agents.study import compare_weights
from batterymi.run import logged

with logged(snakemake.log[0]):
    compare_weights(snakemake.input.records, snakemake.output.table, **snakemake.params)
