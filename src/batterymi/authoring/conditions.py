"""Numbers that do not apply to every row of a table: amounts of an additive, steps that some rows skip."""

from collections.abc import Sequence

import numpy as np

from batterymi.data.cells import find_empty
from batterymi.data.column_facts import ColumnFacts

LEAST_SKIPPED = 2  # rows without a step whose columns share no word
WITHOUT = (
    *("none", "no", "without", "nothing", "keine", "ohne", "0", "pure", "blank", "pristine", "w/o", "-"),
    *("no additive", "without additive", "control", "reference", "ref"),
)


def find_condition(
    column: ColumnFacts, factors: Sequence[ColumnFacts]
) -> tuple[ColumnFacts, dict[str, tuple[float, float]]] | None:
    """Find the category whose choices say whether a number applies, as the amount of an additive.

    Returns:
        The category, and the range of the number with each choice with which it applies; None if there is none.
    """
    values = column.numbers.values
    empty = find_empty(column.cells).to_numpy(bool) | (values == 0)
    if not column.is_number or not empty.any() or not (~empty).any():
        return None
    for category in factors:
        if category.is_number or category.n_missing:
            continue
        words = category.cells.astype(str).to_numpy()
        without = {word for word in category.words if word.strip().lower() in WITHOUT}
        # empty or 0 exactly where the category says that nothing is added
        if not without or not np.array_equal(np.isin(words, list(without)), empty):
            continue
        ranges = {}
        for word in category.words:
            own = values[(words == word) & ~empty]
            if len(own):
                ranges[word] = (float(own.min()), float(own.max()))
        return category, ranges
    return None


def find_optional_steps(factors: Sequence[ColumnFacts]) -> dict[str, str]:
    """Return the name of the step of each number that is left out together with others, as time and temperature."""
    gaps: dict[bytes, list[ColumnFacts]] = {}
    for column in factors:
        empty = find_empty(column.cells).to_numpy(bool)
        if column.is_number and 0 < empty.sum() < len(empty) and np.isfinite(column.numbers.values[~empty]).all():
            gaps.setdefault(empty.tobytes(), []).append(column)
    found: dict[str, str] = {}
    for columns in gaps.values():
        if len(columns) < 2:
            continue
        first, *others = ([word for word in column.name.split("_") if word] for column in columns)
        shared = [word for word in first if all(word in other for other in others)]
        # one row that lacks several numbers may just lack them
        if shared or columns[0].n_missing >= LEAST_SKIPPED:
            found |= {column.name: (shared or [columns[0].name])[0] for column in columns}
    return found
