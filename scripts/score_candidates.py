"""Adapter of the rule score_candidates."""

from batterymi.stages.score_candidates import score_candidates
from batterymi.workflow.run import run_stage

run_stage(score_candidates, snakemake)
