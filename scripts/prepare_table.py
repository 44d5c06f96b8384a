"""Adapter of the rule prepare_table."""

from batterymi.data.table import prepare_table
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    prepare_table(
        table_path=snakemake.output.table,
        report_path=snakemake.output.report,
        **snakemake.params,
    )
