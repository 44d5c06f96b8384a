"""Adapter of the rule pretrain_formula_net."""

from batterymi.stages.pretrain_formula_net import pretrain_formula_net
from batterymi.workflow.run import run_stage

run_stage(pretrain_formula_net, snakemake)
