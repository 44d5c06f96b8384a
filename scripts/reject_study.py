"""Adapter of the rule reject_study."""

from batterymi.errors import ConfigError
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    raise ConfigError(list(snakemake.params.problems))
