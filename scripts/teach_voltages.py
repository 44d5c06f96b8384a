"""Adapter of the rule teach_voltages."""

from batterymi.stages.teach_voltages import teach_voltages
from batterymi.workflow.run import run_stage

run_stage(teach_voltages, snakemake)
