"""Adapter of the rule optimise_protocols."""

from batterymi.stages.tune_controllers import optimise_protocols
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    optimise_protocols(snakemake.output.protocols, snakemake.output.history, **snakemake.params)
