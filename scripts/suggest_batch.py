"""Adapter of the rule suggest_batch."""

from batterymi.stages.suggest_batch import suggest_batch
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    suggest_batch(
        snakemake.input.table,
        snakemake.input.model,
        snakemake.output.history,
        snakemake.output.suggestions,
        snakemake.output.benchmark,
        snakemake.output.named,
        snakemake.output.earlier,
        **snakemake.params,
    )
