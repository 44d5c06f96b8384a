"""Adapter of the rule replay_protocols."""

from batterymi.stages.replay_protocols import replay_protocols
from batterymi.workflow.run import run_stage

run_stage(replay_protocols, snakemake)
