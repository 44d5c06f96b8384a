"""Adapter of the rule compare_controllers."""

from batterymi.stages.compare_controllers import compare_controllers
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    compare_controllers(
        snakemake.input.charges,
        snakemake.input.tuned,
        snakemake.input.protocols,
        snakemake.input.records,
        *snakemake.output,
    )
