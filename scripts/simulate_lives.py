"""Adapter of the rule simulate_lives."""

from batterymi.stages.simulate_lives import simulate_lives
from batterymi.workflow.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        simulate_lives(
            snakemake.output.lives,
            snakemake.output.about,
            processes=snakemake.threads,
            **snakemake.params,
        )
