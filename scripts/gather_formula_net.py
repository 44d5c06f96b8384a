"""Adapter of the rule gather_formula_net."""

from batterymi.stages.gather_formula_net import gather_formula_net
from batterymi.workflow.run import run_stage

run_stage(gather_formula_net, snakemake)
