"""Adapter of the rule train_surrogate."""

from batterymi.stages.train_surrogate import train_surrogate
from batterymi.workflow.run import run_stage

run_stage(train_surrogate, snakemake)
