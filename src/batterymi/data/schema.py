"""The schema of a table: what each declared column may hold, and where rows break it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.lean_imports import leave_out
from batterymi.text_safety import show_in_line

if TYPE_CHECKING:
    import pandera.pandas as pandera

MAX_LISTED = 20  # in full; of others the lines
NOTHING_WRITTEN = "nothing was written; "  # what follows faults of a table, where something would be written
MAX_VALUES = 3  # of them, for each reason
MAX_RANGES = 100


def make_fault(line: Any, column: str, found: Any, reason: str) -> dict[str, Any]:
    """Return one entry of a list of faults."""
    return {"line": int(line), "column": column, "found": str(found), "reason": reason}


def find_outside_schema(
    rows: pd.DataFrame,
    features: Sequence[Feature],
    objectives: Sequence[Objective],
    simplex: Simplex | None,
) -> list[dict[str, Any]]:
    """List values outside their valid range, unknown choices, and fractions that do not add up to the total."""
    from pandera.errors import SchemaErrors

    schema = make_schema(features, objectives, simplex)
    try:
        # pandera would import it for examples that it could make of a schema
        with leave_out("hypothesis"):
            schema.validate(rows, lazy=True)
    except SchemaErrors as error:
        # pandera reports a check of the whole row once per column
        cases = error.failure_cases.drop_duplicates(["index", "check"])
        totals: Any = rows[list(simplex.features)].sum(axis=1) if simplex else {}
        return [
            make_fault(
                case["index"],
                case["column"] if case["schema_context"] == "Column" else "(row)",
                case["failure_case"] if case["schema_context"] == "Column" else f"{totals[case['index']]:.6g}",
                str(case["check"]),
            )
            for case in cases.to_dict("records")
        ]
    return []


def make_schema(
    features: Sequence[Feature], objectives: Sequence[Objective], simplex: Simplex | None
) -> "pandera.DataFrameSchema":
    """Return the pandera schema of a table: what each declared column may hold.

    Args:
        features: the feature columns.
        objectives: the objective columns.
        simplex: fractions that add up to a total, or None.

    Returns:
        A schema whose checks carry the sentence that a user reads.
    """
    import pandera.pandas as pandera

    columns = {}
    for column in (*features, *objectives):
        checks = []
        choices = getattr(column, "choices", None)
        if choices:
            text = f"not a choice; choices: {', '.join(choices)}"
            checks.append(pandera.Check.isin(choices, error=text))
        if column.valid:
            low, high = column.valid
            unit = "" if column.unit == "1" else f" {column.unit}"
            text = f"outside the possible range {low:g} to {high:g}{unit}"
            checks.append(pandera.Check.in_range(low, high, error=text))
        # a result may be missing where another one is there, and what is missing elsewhere is reported before
        may_lack = column in objectives or getattr(column, "is_conditional", False)
        columns[column.name] = pandera.Column(None if choices else float, checks, nullable=may_lack)
    whole = []
    if simplex is not None:
        parts, tolerance = list(simplex.features), simplex.tolerance
        total = simplex.total
        # the last bits of sums must not decide
        within = tolerance + 1e-12 * total
        text = f"{' + '.join(parts)} must add up to {total:g} (within {tolerance:g})"
        whole.append(pandera.Check(lambda frame: (frame[parts].sum(axis=1) - total).abs() <= within, error=text))
    return pandera.DataFrameSchema(columns, checks=whole)


def list_faults(source: str, faults: Sequence[Mapping[str, Any]], most: int = MAX_LISTED) -> list[str]:
    """Return faults of a table as lines of text: the first in full, of many others their lines by reason."""
    lines = [
        f"{source}: line {fault['line']}: {fault['column']}: found '{show_in_line(fault['found'])}': {fault['reason']}"
        for fault in faults[:most]
    ]
    further: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for fault in faults[most:]:
        further.setdefault((fault["column"], fault["reason"]), []).append(fault)
    for (column, reason), others in further.items():
        numbers = join_ranges([fault["line"] for fault in others])
        values = dict.fromkeys(show_in_line(fault["found"]) for fault in others)
        found = ", ".join(f"'{value}'" for value in list(values)[:MAX_VALUES])
        lines.append(f"{source}: and line {numbers}: {column}: {reason}, as {found}")
    return lines


def join_ranges(numbers: Sequence[int]) -> str:
    """Return numbers in words, those that follow each other as a range, as `3, 5-9`; of very many the first."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in ranges[:MAX_RANGES]]
    n_left = sum(high - low + 1 for low, high in ranges[MAX_RANGES:])
    return ", ".join(shown) + (f" and {n_left} more (table.json lists all)" if n_left else "")
