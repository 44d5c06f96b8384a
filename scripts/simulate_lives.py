"""Adapter of the rule simulate_lives."""

from batterymi.closed_loop.simulated_life import simulate_lives
from batterymi.run import logged

if __name__ == "__main__":  # worker processes import this file again
    with logged(snakemake.log[0]):
        simulate_lives(
            snakemake.output.lives,
            snakemake.output.about,
            processes=snakemake.threads,
            **snakemake.params,
        )
