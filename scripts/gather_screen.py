"""Adapter of the rule gather_screen."""

from batterymi.stages.gather_screen import gather_screen
from batterymi.workflow.run import logged

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
