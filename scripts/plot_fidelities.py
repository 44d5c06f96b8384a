"""Adapter of the rule plot_fidelities."""

from batterymi.figures.fidelity import plot_fidelities
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    plot_fidelities(
        snakemake.input.ledger, snakemake.input.comparison, snakemake.output.svg, study=snakemake.params.study
    )
