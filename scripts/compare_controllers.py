"""Adapter of the rule compare_controllers."""

from batterymi.arena.compare import compare_controllers
from batterymi.run import logged

with logged(snakemake.log[0]):
    compare_controllers(
        snakemake.input.charges,
        snakemake.input.tuned,
        snakemake.input.protocols,
        snakemake.input.records,
        *snakemake.output,
    )
