"""Adapter of the rule pretrain_graph_net."""

from batterymi.stages.pretrain_graph_net import pretrain_graph_net
from batterymi.workflow.run import run_stage

run_stage(pretrain_graph_net, snakemake)
