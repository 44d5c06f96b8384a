"""Adapter of the rule list_phases."""

from batterymi.stages.list_phases import list_phases
from batterymi.workflow.run import run_stage

run_stage(list_phases, snakemake)
