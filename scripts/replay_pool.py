"""Adapter of the rule replay_pool."""

from batterymi.stages.replay_pool import replay_pool
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    replay_pool(
        snakemake.input.table,
        snakemake.input.predictions,
        snakemake.output.history,
        snakemake.output.suggestions,
        snakemake.output.benchmark,
        snakemake.output.named,
        **snakemake.params,
    )
