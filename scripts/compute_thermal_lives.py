"""Adapter of the rule compute_thermal_lives."""

from batterymi.closed_loop.stage import compute_thermal_lives
from batterymi.run import logged

with logged(snakemake.log[0]):
    compute_thermal_lives(snakemake.output.lives, snakemake.output.about)
