"""Adapter of the rule optimise_protocols."""

from batterymi.arena.tune_stage import optimise_protocols
from batterymi.run import logged

with logged(snakemake.log[0]):
    optimise_protocols(snakemake.output.protocols, snakemake.output.history, **snakemake.params)
