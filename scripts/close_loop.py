"""Adapter of the rule close_loop."""

from batterymi.stages.close_loop import close_loop
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    close_loop(
        snakemake.input.lives,
        snakemake.input.about,
        snakemake.output.runs,
        snakemake.output.comparison,
        **snakemake.params,
    )
