"""Adapter of the rule learn_computed_sets."""

from batterymi.stages.learn_computed_sets import learn_computed_sets
from batterymi.workflow.run import run_stage

run_stage(learn_computed_sets, snakemake)
