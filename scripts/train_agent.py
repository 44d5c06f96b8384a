"""Adapter of the rule train_agent."""

from batterymi.stages.train_agent import train_agent
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    train_agent(
        snakemake.output.policy,
        snakemake.output.weights,
        snakemake.output.curve,
        snakemake.output.record,
        cell=snakemake.wildcards.cell,
        name=snakemake.wildcards.algorithm,
        seed=int(snakemake.wildcards.seed),
        **snakemake.params,
    )
