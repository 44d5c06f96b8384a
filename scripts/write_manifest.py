"""Adapter of the rule write_manifest."""

from batterymi.manifest import write_manifest
from batterymi.run import logged

with logged(snakemake.log[0]):
    write_manifest(snakemake.output.manifest, **snakemake.params)
