"""Adapter of the rule assess_stability."""

from batterymi.stages.assess_stability import assess_stability
from batterymi.workflow.run import run_stage

run_stage(assess_stability, snakemake)
