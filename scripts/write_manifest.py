"""Adapter of the rule write_manifest."""

from batterymi.stages.write_manifest import write_manifest
from batterymi.workflow.run import run_stage

run_stage(write_manifest, snakemake)
