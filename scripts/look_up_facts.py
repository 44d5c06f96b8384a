"""Adapter of the rule look_up_facts."""

from batterymi.stages.look_up_facts import look_up_facts
from batterymi.workflow.run import run_stage

run_stage(look_up_facts, snakemake)
