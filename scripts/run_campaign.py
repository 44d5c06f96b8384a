"""Adapter of the rule run_campaign."""

from batterymi.stages.run_campaign import run_campaign
from batterymi.workflow.run import run_stage

run_stage(run_campaign, snakemake)
