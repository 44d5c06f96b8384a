"""Adapter of the rule check_arena_claims."""

from batterymi.stages.check_arena_claims import check_arena_claims
from batterymi.workflow.run import run_stage

run_stage(check_arena_claims, snakemake)
