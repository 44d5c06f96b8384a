"""Adapter of the rule judge_controllers."""

from batterymi.stages.judge_controllers import judge_controllers
from batterymi.workflow.run import logged

with logged(snakemake.log[0]):
    judge_controllers(
        str(snakemake.input.tuned) or None,
        str(snakemake.input.protocols) or None,
        list(map(str, snakemake.input.policies)),
        snakemake.output.charges,
        snakemake.output.traces,
        snakemake.output.steps,
        group=snakemake.wildcards.group,
        **snakemake.params,
    )
