"""`batterymi new-study`: a study from a table, with what each column was taken for, and why."""

import argparse

from batterymi.authoring import role as r
from batterymi.authoring.new_study import OPTIONS, draft_study, format_roles, read_wishes, write_study
from batterymi.authoring.roles import Wishes
from batterymi.authoring.study_yaml import Plan
from batterymi.config.sources import Reading
from batterymi.text_safety import write_out
from batterymi.workflow.settings import read_config

AGAIN = f"where a guess is wrong, edit it, or remove it and run again with {OPTIONS}"


def start_study(options: argparse.Namespace) -> None:
    """Write a study's YAML beside the others; never over one that exists.

    Raises:
        ConfigError: if the name cannot be used, or there is such a study.
        TableError: if the table cannot be used.
    """
    reading = Reading(sheet=options.sheet, encoding=options.encoding, decimal=options.decimal)
    wishes = Wishes(
        factors=tuple(options.factor),
        identity=options.id,
        groups=tuple(options.group),
        formulas=tuple(options.formula),
        ignored=tuple(options.ignore),
        repeats=options.repeats,
    )
    wishes, fill = read_wishes(options.objective, wishes), tuple(options.fill_down)
    draft = draft_study(options.csv, read_config(), options.name, reading, wishes, fill)
    write_study(draft)
    lines = [format_roles(draft.guess.plan.roles), "", *draft.questions, "", draft.text]
    write_out("\n".join([*lines, f"Wrote {draft.target}. Read it; {AGAIN}.\n"]))
    write_out(_describe_next_steps(draft.name, draft.guess.plan, draft.text))


def _describe_next_steps(name: str, plan: Plan, text: str) -> str:
    """Return what to run next; designs that formulas describe need a list of candidates to choose from."""
    if "mode: replay" not in text:
        return f"\n  batterymi check {name}\n  batterymi suggest {name}\n  snakemake {name}\n"
    columns = ", ".join(column.name for column in plan.list_columns(r.FORMULA, r.STRUCTURE, r.FACTOR))
    return (
        f"\n  batterymi check {name}\n  snakemake {name}\n\nThe rows themselves are the designs. For a next batch, "
        f"list candidates in a file with the columns {columns}, and set\n"
        "  campaign: {mode: experiment, pool: data/candidates.csv}\n"
    )
