"""Adapter of the rule compute_thermal_lives."""

from batterymi.stages.close_loop import compute_thermal_lives
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    compute_thermal_lives(snakemake.output.lives, snakemake.output.about)
