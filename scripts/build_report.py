"""Adapter of the rule build_report."""

from batterymi.stages.build_report import build_report
from batterymi.workflow.run import run_stage

run_stage(build_report, snakemake)
