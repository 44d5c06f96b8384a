"""Adapter of the rule list_candidates."""

from batterymi.stages.list_candidates import list_candidates
from batterymi.workflow.run import run_stage

run_stage(list_candidates, snakemake)
