"""Adapter of the rule predict_activation_energies."""

from batterymi.stages.predict_activation_energies import predict_activation_energies
from batterymi.workflow.run import run_stage

run_stage(predict_activation_energies, snakemake)
