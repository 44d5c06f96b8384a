"""Adapter of the rule predict_barriers."""

from batterymi.stages.predict_barriers import predict_barriers
from batterymi.workflow.run import run_stage

run_stage(predict_barriers, snakemake)
