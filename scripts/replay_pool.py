"""Adapter of the rule replay_pool."""

from batterymi.stages.replay_pool import replay_pool
from batterymi.workflow.run import run_stage

run_stage(replay_pool, snakemake)
