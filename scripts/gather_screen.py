"""Adapter of the rule gather_screen."""

from batterymi.run import logged
from batterymi.screen.gather import gather_screen

with logged(snakemake.log[0]):
    gather_screen(
        snakemake.input.scored,
        snakemake.input.reports,
        snakemake.input.listing,
        snakemake.input.table,
        snakemake.input.metrics,
        snakemake.output.top,
        snakemake.output.report,
        **snakemake.params,
    )
