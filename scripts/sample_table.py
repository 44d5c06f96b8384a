"""Adapter of the rule sample_table."""

from batterymi.stages.sample_table import sample_table
from batterymi.workflow.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        sample_table(
            snakemake.output.rows,
            snakemake.output.failures,
            processes=snakemake.threads,
            **snakemake.params,
        )
