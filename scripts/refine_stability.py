"""Adapter of the rule refine_stability."""

from batterymi.stages.refine_stability import refine_stability
from batterymi.workflow.run import run_stage

run_stage(refine_stability, snakemake)
