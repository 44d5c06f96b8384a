"""Adapter of the rule compare_fidelities."""

from batterymi.stages.compare_fidelities import compare_fidelities
from batterymi.workflow.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        compare_fidelities(
            snakemake.input.table,
            snakemake.input.benchmark,
            snakemake.output.ledger,
            snakemake.output.comparison,
            processes=snakemake.threads,
            **snakemake.params,
        )
