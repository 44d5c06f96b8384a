"""Adapter of the rule fit_element_references."""

from batterymi.stages.fit_element_references import fit_element_references
from batterymi.workflow.run import run_stage

run_stage(fit_element_references, snakemake)
