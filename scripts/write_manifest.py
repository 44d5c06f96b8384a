"""Adapter of the rule write_manifest."""

from batterymi.workflow.manifest import write_manifest
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    write_manifest(snakemake.output.manifest, **snakemake.params)
