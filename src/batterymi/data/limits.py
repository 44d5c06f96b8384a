"""Results that are only limits: what a column of marks says of them, and where none may stand."""

from typing import Any

import pandas as pd

from batterymi.data.cells import find_empty
from batterymi.data.schema import make_fault
from batterymi.vocabulary.measured import LOWER, UPPER

MARKS = {
    UPPER: ("1", "1.0", "<", "<=", "≤", "upper", "below", "at most", "true", "yes"),
    LOWER: ("-1", "-1.0", "−1", ">", ">=", "≥", "lower", "above", "at least"),
    0: ("0", "0.0", "=", "exact", "false", "no"),
}
MEANINGS = {word: side for side, words in MARKS.items() for word in words}
NO_LIMIT = "a limit; only results may be limits, so write the number that was set"


def read_marks(cells: pd.Series) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Read a column that marks results as limits.

    Args:
        cells: as read; the index holds line numbers.

    Returns:
        `UPPER`, `LOWER` or 0 of each row, and an entry for each cell that is no mark.
    """
    texts = cells.astype(str).str.strip().str.lower()
    sides = texts.map(MEANINGS).mask(find_empty(cells), 0)
    said = "not a mark of a limit; write 1 or `<` where the result is at most its value, -1 or `>` at least, else 0"
    faults = [make_fault(line, str(cells.name), cells.loc[line], said) for line in cells.index[sides.isna()]]
    return sides.fillna(0).astype(float), faults


def list_limits(cells: pd.Series, name: str, sides: pd.Series) -> list[dict[str, Any]]:
    """List the cells of a factor that are limits, with what to write instead."""
    return [make_fault(line, name, cells.loc[line], NO_LIMIT) for line in cells.index[sides.ne(0)]]
