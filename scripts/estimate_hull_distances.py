"""Adapter of the rule estimate_hull_distances."""

from batterymi.stages.estimate_hull_distances import estimate_hull_distances
from batterymi.workflow.run import run_stage

run_stage(estimate_hull_distances, snakemake)
