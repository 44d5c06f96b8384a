"""What was measured of earlier suggestions: rows of the table that name one, or have its design."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.ledger_lines import Batch, name_suggestion
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT

NEAR = 0.005  # of the search range: a weighed amount is never quite the suggested one
COLUMN = "suggestion"
# as people write it: B3 - 7, with the dashes that spreadsheets and phones put in
NAME = re.compile(r"b\s*0*(\d{1,6})\s*[-\u2010-\u2015\u2212_]\s*0*(\d{1,4})", re.IGNORECASE)
FIRST_NAME = re.compile(r"(\d{1,6})[.,](\d{1,4})")  # of the first ledgers, which a spreadsheet takes for a number
EARLIER = [
    *("suggestion", "batch", "status", "line", "objective", "unit"),
    *("predicted", "lower_95", "upper_95", "measured", "inside_95"),
]
ORDER = {PENDING: 2, FAILED: 1}  # which of several rows counts: one that was measured, else one that failed


def find_name_column(columns: Iterable[str]) -> str | None:
    """Return the column of a table that names suggestions, however it is spelt, if there is one."""
    return next((name for name in columns if str(name).strip().lower() in (COLUMN, f"{COLUMN}s")), None)


def parse_name(cell: Any) -> tuple[int, int] | None:
    """Return the batch and the place of a suggestion that a cell names, None if it names none."""
    found = NAME.fullmatch(unicodedata.normalize("NFKC", str(cell)).strip())
    return (int(found[1]), int(found[2])) if found else None


def find_highest_batch(rows: pd.DataFrame) -> int:
    """Return the highest number of a batch that the rows of a table name, 0 if they name none."""
    column = find_name_column(rows.columns)
    names = [parse_name(cell) for cell in rows[column]] if column else []
    return max((name[0] for name in names if name), default=0)


def find_unknown_names(rows: pd.DataFrame, batches: Sequence[Batch]) -> list[str]:
    """Say which cells of the column of suggestions name none, though they look as if they were meant to.

    Args:
        rows: the table.
        batches: all of the ledger.

    Returns:
        A line for each: where, what was found, and what would be right.
    """
    column = find_name_column(rows.columns)
    if column is None:
        return []
    sizes = {batch.number: len(batch.suggestions) for batch in batches}
    lines = []
    for line, cell in zip(rows["line"], rows[column].astype(str), strict=True):
        name, is_first = parse_name(cell), FIRST_NAME.fullmatch(cell.strip())
        known = name is not None and 1 <= name[1] <= sizes.get(name[0], 0)
        known = known or (is_first is not None and int(is_first[1]) in sizes)
        looks_meant = name is not None or is_first is not None or re.fullmatch(r"\d+[-./ ]\w+([-./ ]\d+)?\.?", cell)
        if looks_meant and not known:
            lines.append(
                f"line {line}: {column}: found '{cell}', which names no suggestion of the ledger; names are as "
                f"{name_suggestion(1, 1)}. The row is compared with suggestions by its design"
            )
    return lines


def digest_designs(rows: pd.DataFrame, features: Sequence[Feature]) -> list[str]:
    """Return a short digest of each design, in which the last digits of numbers do not count."""
    columns = [
        [f"{feature.name}={cell if feature.is_category else f'{cell + 0.0:.6g}'}" for cell in rows[feature.name]]
        for feature in sorted(features, key=lambda feature: feature.name)
    ]
    return [hashlib.sha256("\n".join(row).encode("utf-8")).hexdigest()[:8] for row in zip(*columns, strict=True)]


def compare_suggestions(
    batches: Sequence[Batch], rows: pd.DataFrame, space: Space, objectives: Sequence[Objective], current: int
) -> pd.DataFrame:
    """Compare suggestions with what was measured of them.

    A row belongs to a suggestion if it names it in a column `suggestion`, whatever its amounts, or else if it has its
    design: the same choices, and numbers within half a step, or half a percent of the range where that is more. It may
    be anywhere in the table. Designs that the table had already when the batch was made are no results of it.

    Args:
        batches: all of the ledger.
        rows: the table, pending and failed rows included.
        space: where designs come from.
        objectives: the study's objectives.
        current: number of the latest batch, which cannot have been measured yet.

    Returns:
        One row per suggestion and objective.
    """
    found = []
    digests = digest_designs(rows, space.features)
    for batch in batches:
        if batch.number == current:
            continue
        matches = _find_matches(batch, rows, digests, space)
        for place, suggestion in enumerate(batch.suggestions):
            for objective in objectives:
                if objective.name in suggestion.predicted:
                    compared = _compare_result(suggestion.predicted[objective.name], matches[place], objective)
                    found.append({"suggestion": suggestion.name, "batch": batch.number, **compared})
    return pd.DataFrame(found, columns=EARLIER)


def _compare_result(predicted: Sequence[float | None], matches: pd.DataFrame, objective: Objective) -> dict[str, Any]:
    """Compare one predicted outcome, and its 95 % interval, with the rows that answer it, if there are any."""
    row = None
    if len(matches):
        row = matches.iloc[int(np.argmin([ORDER.get(split, 0) for split in matches[SPLIT]]))]
    status = "not tried" if row is None else {PENDING: "pending", FAILED: "failed"}.get(row[SPLIT], "measured")
    measured = float(row[objective.name]) if row is not None and status == "measured" else np.nan
    middle, low, high = predicted
    has_interval = low is not None and high is not None and not np.isnan(measured)
    further_lines = [] if row is None else [str(line) for line in matches["line"] if line != row["line"]]
    return {
        "status": status,
        "line": "" if row is None else ", ".join([str(row["line"]), *further_lines]),
        "objective": objective.name,
        "unit": objective.unit,
        "predicted": middle,
        "lower_95": low,
        "upper_95": high,
        "measured": measured,
        "inside_95": ("yes" if low <= measured <= high else "no") if has_interval else "",  # type: ignore[operator]
    }


def _find_matches(batch: Batch, rows: pd.DataFrame, digests: Sequence[str], space: Space) -> list[pd.DataFrame]:
    """Return the rows that answer each suggestion of a batch: those that name it, else the one of its design."""
    places_by_name = _find_rows_by_name(batch, rows)
    taken = {place for places in places_by_name for place in places}
    by_design = _find_rows_by_design(batch, rows, digests, space, taken)
    return [rows.iloc[places or by_design.get(number, [])] for number, places in enumerate(places_by_name)]


def _find_rows_by_name(batch: Batch, rows: pd.DataFrame) -> list[list[int]]:
    """Return the positions of the rows that name each suggestion of a batch."""
    found: list[list[int]] = [[] for _ in batch.suggestions]
    column = find_name_column(rows.columns)
    for position, cell in enumerate(rows[column] if column else []):
        name, first = parse_name(cell), FIRST_NAME.fullmatch(str(cell).strip())
        if name and name[0] == batch.number:
            places = {name[1]}
        elif first and batch.known is None and int(first[1]) == batch.number:
            # a spreadsheet makes 1.1 of 1.10, so such a name counts only where it can mean one place
            text = first[2]
            places = {place for place in range(1, len(found) + 1) if str(place).rstrip("0") == text.rstrip("0")}
            places = places if len(places) == 1 else set()
        else:
            continue
        for place in places:
            if 1 <= place <= len(found):
                found[place - 1].append(position)
    return found


def _find_rows_by_design(
    batch: Batch, rows: pd.DataFrame, digests: Sequence[str], space: Space, taken: set[int]
) -> dict[int, list[int]]:
    """Find the row nearest to each suggestion among those that have its design; one row answers one suggestion."""
    wanted = [number for number, item in enumerate(batch.suggestions) if not set(space.names) - set(item.design)]
    free = [
        position
        for position in range(len(rows))
        if position not in taken and (batch.known is None or digests[position] not in batch.known)
    ]
    if not wanted or not free:
        return {}
    codes = space.codes(rows.iloc[free])
    designs = space.codes(pd.DataFrame([dict(batch.suggestions[number].design) for number in wanted]))
    gaps = np.abs(codes[None, :, :] - designs[:, None, :])
    limits = np.array([_find_tolerance(feature, space) for feature in space.features])
    is_near = gaps <= limits[None, None, :]
    is_known = codes[:, _find_categories(space)] >= 0  # an unknown choice is -1, and equals no other
    fits = np.logical_and(np.all(is_near, axis=2), np.all(is_known, axis=1).reshape(1, -1))
    distance = (gaps / space.width).sum(axis=2)
    if batch.known is None:
        # the first format did not keep what was known, so rows that came later go first
        distance = distance + np.array([0.0 if position >= batch.n_rows else space.width.size for position in free])
    found: dict[int, list[int]] = {}
    used: set[int] = set()
    for flat in np.argsort(np.where(fits, distance, np.inf), axis=None, kind="stable"):
        place, column = divmod(int(flat), len(free))
        if fits[place, column] and wanted[place] not in found and column not in used:
            found[wanted[place]] = [free[column]]
            used.add(column)
    return found


def _find_categories(space: Space) -> list[int]:
    """Return which columns of codes are positions of choices."""
    return [number for number, feature in enumerate(space.features) if feature.is_category]


def _find_tolerance(feature: Feature, space: Space) -> float:
    """Return how far an amount may be from the suggested one, in units of the feature."""
    if feature.is_category:
        return 1e-9
    low, high = feature.range or (0.0, 1.0)
    step = space.simplex.step if space.simplex and feature.name in space.simplex.features else feature.step
    if feature.levels:
        step = min(b - a for a, b in zip(feature.levels, feature.levels[1:], strict=False))
    # a row exactly half a step away must not fail by rounding
    return max(NEAR * (high - low), 0.5 * (step or 0.0) * (1 + 1e-9))
