"""Adapter of the rule replay_protocols."""

from batterymi.stages.replay_protocols import replay_protocols
from batterymi.workflow.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        replay_protocols(
            snakemake.input.table,
            snakemake.input.suggestions,
            snakemake.input.benchmark,
            snakemake.output.traces,
            snakemake.output.replay,
            processes=snakemake.threads,
            **snakemake.params,
        )
