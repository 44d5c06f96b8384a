"""Adapter of the rule gather_pretrained."""

from batterymi.stages.gather_pretrained import gather_pretrained
from batterymi.workflow.run import run_stage

run_stage(gather_pretrained, snakemake)
