"""Adapter of the rule tune_controllers."""

from batterymi.stages.tune_controllers import tune_controllers
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    tune_controllers(snakemake.output.tuned, **snakemake.params)
