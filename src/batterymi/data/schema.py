"""The schema of a table: what each declared column may hold, and where rows break it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.text_safety import show_in_line

if TYPE_CHECKING:
    import pandera.pandas as pandera

MAX_LISTED = 20


def make_fault(line: Any, column: str, found: Any, reason: str) -> dict[str, Any]:
    """Return one entry of a list of faults."""
    return {"line": int(line), "column": column, "found": str(found), "reason": reason}


def find_outside_schema(
    rows: pd.DataFrame,
    features: Sequence[Feature],
    objectives: Sequence[Objective],
    simplex: Simplex | None,
) -> list[dict[str, Any]]:
    """List values outside their valid range, unknown choices, and fractions that do not add up to 1."""
    from pandera.errors import SchemaErrors

    schema = make_schema(features, objectives, simplex)
    try:
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
        simplex: fractions that add up to 1, or None.

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
        columns[column.name] = pandera.Column(None if choices else float, checks)
    whole = []
    if simplex is not None:
        parts, tolerance = list(simplex.features), simplex.tolerance
        text = f"{' + '.join(parts)} must add up to 1 (within {tolerance:g})"
        whole.append(pandera.Check(lambda frame: (frame[parts].sum(axis=1) - 1).abs() <= tolerance, error=text))
    return pandera.DataFrameSchema(columns, checks=whole)


def list_faults(source: str, faults: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return faults of a table as lines of text, of many the first and their number."""
    lines = [
        f"{source}: line {fault['line']}: {fault['column']}: found '{show_in_line(fault['found'])}': {fault['reason']}"
        for fault in faults[:MAX_LISTED]
    ]
    if len(faults) > MAX_LISTED:
        lines.append(f"... and {len(faults) - MAX_LISTED} more")
    return lines
