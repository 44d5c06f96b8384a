"""Adapter of the rule gather_curve."""

from batterymi.stages.gather_curve import gather_curve
from batterymi.workflow.run import run_stage

run_stage(gather_curve, snakemake)
