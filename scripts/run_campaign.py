"""Adapter of the rule run_campaign."""

from batterymi.stages.run_campaign import run_campaigns
from batterymi.workflow.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        run_campaigns(
            snakemake.input.table,
            snakemake.input.model or None,
            snakemake.output.history,
            snakemake.output.suggestions,
            snakemake.output.benchmark,
            snakemake.output.named,
            processes=snakemake.threads,
            depends_on=list(snakemake.input),
            **snakemake.params,
        )
