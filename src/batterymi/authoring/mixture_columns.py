"""Columns of a table that are the parts of one whole."""

from collections.abc import Sequence

import numpy as np

from batterymi.arrays import Array
from batterymi.data.column_facts import ColumnFacts
from batterymi.data.header_units import split_header
from batterymi.data.numbers import PERCENT_UNITS

SHARES = {"1", *PERCENT_UNITS}  # units of parts that may be mixed


def find_simplex(columns: Sequence[ColumnFacts]) -> tuple[list[ColumnFacts], float] | None:
    """Find the columns that are parts of one whole: numbers that add up to 1 or 100 in every row.

    Args:
        columns: numbers that may be parts.

    Returns:
        At least two of them, and their sum; None if there are none.
    """
    for total in (1.0, 100.0):
        parts = [
            column
            for column in columns
            if column.is_number and len(column.known) == len(column.cells) and column.known.min(initial=0) >= 0
            and column.known.max(initial=0) <= total * 1.001
        ]  # fmt: skip
        if len(parts) < 2:
            continue
        matrix = np.column_stack([column.numbers.values for column in parts])
        by_unit = [[place for place, column in enumerate(parts) if column.unit == unit] for unit in
                   dict.fromkeys(column.unit for column in parts)]  # fmt: skip
        for places in (list(range(len(parts))), *by_unit, _select_parts(matrix, total)):
            units = {_find_stated_unit(parts[place]) for place in places}
            if len(units) > 1 and not units <= SHARES:
                continue
            sums = matrix[:, places].sum(axis=1) if len(places) > 1 else np.zeros(1)
            if np.abs(sums - total).max() <= 0.011 * total and len(sums) > 2:
                return [parts[place] for place in places], total
    return None


def _find_stated_unit(column: ColumnFacts) -> str:
    """Return the unit of a column, 1 where it may be the end of its name, as of x_EA."""
    is_stated = split_header(column.header)[1] != "" or "/" in column.unit or column.unit in SHARES
    return column.unit if is_stated else "1"


def _select_parts(matrix: Array, total: float) -> list[int]:
    """Return the columns whose sum is the total in every row, if least squares finds them."""
    from scipy.optimize import nnls

    weights, _ = nnls(matrix, np.full(len(matrix), total))
    return [int(place) for place in np.flatnonzero(np.abs(weights - 1) < 0.01)]
