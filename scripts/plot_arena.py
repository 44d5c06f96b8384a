"""Adapter of the rule plot_arena."""

from pathlib import Path

from batterymi.stages.plot_arena import plot_arena
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    plot_arena(
        snakemake.input.traces,
        snakemake.input.steps,
        snakemake.input.curves,
        snakemake.input.maps,
        snakemake.input.table,
        str(Path(snakemake.output.svg[0]).parent),
        **snakemake.params,
    )
