"""Adapter of the rule answer_exercises."""

from batterymi.stages.answer_exercises import answer_exercises
from batterymi.workflow.run import run_stage

run_stage(answer_exercises, snakemake)
