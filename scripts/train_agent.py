"""Adapter of the rule train_agent."""

from batterymi.stages.train_agent import train_agent
from batterymi.workflow.run import run_stage

run_stage(train_agent, snakemake)
