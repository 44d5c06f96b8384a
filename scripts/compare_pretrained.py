"""Adapter of the rule compare_pretrained."""

from batterymi.stages.compare_pretrained import compare_pretrained
from batterymi.workflow.run import run_stage

run_stage(compare_pretrained, snakemake)
