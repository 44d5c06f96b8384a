"""Adapter of the rule map_feasibility."""

from batterymi.arena.feasibility import map_feasibility
from batterymi.run import logged

with logged(snakemake.log[0]):
    map_feasibility(snakemake.output.map, **snakemake.params)
