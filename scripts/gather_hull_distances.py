"""Adapter of the rule gather_hull_distances."""

from batterymi.stages.gather_hull_distances import gather_hull_distances
from batterymi.workflow.run import run_stage

run_stage(gather_hull_distances, snakemake)
