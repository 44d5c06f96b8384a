"""Adapter of the rule close_loop."""

from batterymi.closed_loop.stage import close_loop
from batterymi.run import logged

with logged(snakemake.log[0]):
    close_loop(
        snakemake.input.lives,
        snakemake.input.about,
        snakemake.output.runs,
        snakemake.output.comparison,
        **snakemake.params,
    )
