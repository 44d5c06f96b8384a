"""Adapter of the rule map_feasibility."""

from batterymi.stages.map_feasibility import map_feasibility
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    map_feasibility(snakemake.output.map, **snakemake.params)
