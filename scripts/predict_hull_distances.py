"""Adapter of the rule predict_hull_distances."""

from batterymi.stages.predict_hull_distances import predict_hull_distances
from batterymi.workflow.run import run_stage

run_stage(predict_hull_distances, snakemake)
