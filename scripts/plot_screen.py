"""Adapter of the rule plot_screen."""

from batterymi.figures.screen import plot_screen
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    plot_screen(snakemake.input.top, snakemake.input.report, snakemake.output.svg, **snakemake.params)
