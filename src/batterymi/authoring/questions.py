"""What a new study asks about its table: merged cells, settings that a batch shares, values far from all others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.authoring import role as r
from batterymi.authoring.guess_role import find_word
from batterymi.authoring.role import LOG_DECADES, Role, spans_decades
from batterymi.data.cells import find_empty
from batterymi.data.column_facts import ColumnFacts, split_unit
from batterymi.vocabulary.units import format_unit

LEAST_MERGED, MOST_MERGED = 0.15, 0.9  # share of empty cells of a column that may have merged ones
BATCHES = {"run", "batch", "lot", "plate", "furnace", "oven", "series", "session", "campaign", "group"}
LEAST_WIDE = 10  # factors, of which more than rows are worth a word
LEAST_DIFFERENT = 5  # values, from all of which another one may lie far


def list_questions(roles: Sequence[Role], filled: Sequence[ColumnFacts] = ()) -> list[str]:
    """List what a user should look at, a line each.

    Args:
        roles: of all columns.
        filled: columns whose empty cells were filled in from above.
    """
    names = {column.name for column in filled}
    gaps = (_ask_about_gaps(role) for role in roles if role.column.name not in names)
    alike = (_ask_about_spelling(role.column) for role in roles if role.role == r.FACTOR)
    times = (_ask_about_times(role.column) for role in roles if role.role in (r.FACTOR, r.OBJECTIVE))
    far = (_ask_about_far_value(role.column) for role in roles if role.role == r.FACTOR)
    targets = (_ask_about_target(role) for role in roles)
    factors = [role for role in roles if role.role == r.FACTOR]
    width = describe_width(len(factors), len(roles[0].column.cells)) if factors else ""
    return [line for line in (width, *gaps, *alike, *times, *far, *targets, *_ask_about_batches(roles)) if line]


def describe_width(n_factors: int, n_rows: int) -> str:
    """Say that a table has more factors than its rows can tell apart; nothing where it has not."""
    if n_factors < LEAST_WIDE or n_factors <= n_rows:
        return ""
    return (
        f"{n_factors} factors and {n_rows} rows: so few rows cannot tell which of so many factors matter, and designs "
        "in all of them cannot be searched. Keep those that you set yourself, at most one for each three rows, and "
        "leave out the others (new-study: --ignore)"
    )


def _ask_about_gaps(role: Role) -> str:
    """Ask about a column whose empty cells may be merged ones."""
    column = role.column
    empty = (column.cells.astype(str) == "").to_numpy(bool)
    may_be = role.role in (r.IGNORED, r.IDENTITY, r.FORMULA, r.GROUP) and not column.is_number and not empty[:1].any()
    if not may_be or find_word(column, "remark") or not LEAST_MERGED <= empty.mean() < MOST_MERGED:
        return ""
    return (
        f"{column.header}: {int(empty.sum())} cells are empty; if they mean the cell above, as merged cells do, run "
        f"again with --fill-down '{column.header}'"
    )


def _ask_about_spelling(column: ColumnFacts) -> str:
    """Ask about choices that differ in capitals, blanks or signs alone, as PVDF and pvdf."""
    if column.is_number:
        return ""
    spellings: dict[str, list[str]] = {}
    for word in column.words:
        spellings.setdefault("".join(filter(str.isalnum, word.casefold())) or word, []).append(word)
    pairs = [" and ".join(f"'{word}'" for word in words) for words in spellings.values() if len(words) > 1]
    if not pairs:
        return ""
    return f"{column.header}: {'; '.join(pairs)} are different choices; write them alike if they are one"


def _ask_about_times(column: ColumnFacts) -> str:
    """Ask about durations that may be times of day."""
    # a header with a unit of time says it
    if not column.has_times or column.clock or not column.is_number or split_unit(column.header)[1] != "1":
        return ""
    first = next(str(cell) for cell in column.cells if ":" in str(cell))
    return (
        f"{column.header}: cells such as {first} are read as durations, in {column.unit}; if they are times of day, "
        f"run again with --ignore '{column.header}'"
    )


def _ask_about_far_value(column: ColumnFacts) -> str:
    """Ask about one number that lies farther from all others than these from each other."""
    known = column.known
    if not column.is_number or column.n_different <= LEAST_DIFFERENT or spans_decades(column, LOG_DECADES / 3):
        return ""
    for value in (known.max(), known.min()):
        others = known[known != value]
        if len(others) != len(known) - 1:
            continue
        low, high = float(others.min()), float(others.max())
        distance = max(value - high, low - value)
        if distance > high - low > 0:
            line = column.cells.index[np.flatnonzero(column.numbers.values == value)[0]]
            return (
                f"{column.header}: line {line}: {value:g} lies far from all others, {low:g} to {high:g}; correct it if "
                "it is a slip. Designs stay within the bounds of the YAML; models learn from rows outside of them too"
            )
    return ""


def _ask_about_target(role: Role) -> str:
    """Ask about a target farther from all values of its column than these from each other, as in another unit."""
    if role.target is None:
        return ""
    low, high = float(role.column.known.min()), float(role.column.known.max())
    if max(role.target.low - high, low - role.target.high) <= high - low:
        return ""
    unit = format_unit(role.column.unit)
    return (
        f"{role.column.header}: the target {role.target.text}{unit} lies far from all values, {low:g} to {high:g}"
        f"{unit}; give it in the unit of the column"
    )


def _ask_about_batches(roles: Sequence[Role]) -> list[str]:
    """Ask about factors that have one value in all rows of a group, as the temperature of a furnace run."""
    factors = [role.column for role in roles if role.role == r.FACTOR]
    lines = []
    for group in (role.column for role in roles if role.role == r.GROUP and BATCHES & set(role.column.name_words)):
        filled = ~find_empty(group.cells).to_numpy(bool)
        labels = group.cells.astype(str).to_numpy()[filled]
        if len(set(labels)) < 2 or len(set(labels)) > len(labels) / 2:
            continue
        shared = [column.name for column in factors if _is_shared(column.cells[filled], labels)]
        if shared and len(shared) < len(factors):
            each = ", ".join(shared)
            lines.append(
                f"{group.header}: {each} {'has' if len(shared) == 1 else 'have'} one value in each; if a batch can "
                f"only have one setting of them, add `shared_in_batch: [{each}]` to `campaign`"
            )
    return lines


def _is_shared(cells: pd.Series, labels: np.ndarray) -> bool:
    """Return whether rows with one label have one value, and not all rows."""
    frame = pd.DataFrame({"label": labels, "cell": cells.astype(str).to_numpy()})
    return bool((frame.groupby("label")["cell"].nunique() == 1).all()) and frame["cell"].nunique() > 1
