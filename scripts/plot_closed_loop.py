"""Adapter of the rule plot_closed_loop."""

from batterymi.figures.closed_loop import plot_closed_loop
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    plot_closed_loop(snakemake.input.runs, snakemake.input.comparison, snakemake.output.svg)
