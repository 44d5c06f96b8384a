"""Adapter of the rule tune_controllers."""

from batterymi.arena.tune_stage import tune_controllers
from batterymi.run import logged

with logged(snakemake.log[0]):
    tune_controllers(snakemake.output.tuned, **snakemake.params)
