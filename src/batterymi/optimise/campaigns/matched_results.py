"""What was measured of earlier suggestions: rows of the table that name one, or have its design."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.converted_batches import ConvertedBatch, convert_batch
from batterymi.optimise.campaigns.ledger_lines import Batch, name_suggestion
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.measured import describe_side, name_bound_column, name_missing_column
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, WITHDRAWN

NEAR = 0.005  # of the search range: a weighed amount is never quite the suggested one
FAR = 0.05  # of the search range: an amount that is off by more may be that of another suggestion
COLUMN = "suggestion"
# as people write it: B3 - 7, with the dashes that spreadsheets and phones put in
NAME = re.compile(r"b\s*0*(\d{1,6})\s*[-\u2010-\u2015\u2212_]\s*0*(\d{1,4})", re.IGNORECASE)
FIRST_NAME = re.compile(r"(\d{1,6})[.,](\d{1,4})")  # of the first ledgers, which a spreadsheet takes for a number
EARLIER = [
    *("suggestion", "batch", "status", "line", "objective", "unit"),
    *("predicted", "lower_95", "upper_95", "measured", "limit", "inside_95", "why"),
]
NOT_COMPARABLE = "not comparable"
# which of several rows counts: one that was measured, else one that failed
ORDER = {FAILED: 1, PENDING: 2, WITHDRAWN: 3}
N_ORDERS = 4


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


def find_name_conflicts(
    rows: pd.DataFrame, batches: Sequence[Batch], space: Space, objectives: Sequence[Objective]
) -> list[str]:
    """Say which suggestions several rows name, and which rows name one but have another design.

    Args:
        rows: the table.
        batches: all of the ledger.
        space: where designs come from.
        objectives: the study's objectives.

    Returns:
        A line for each.
    """
    column, lines = find_name_column(rows.columns), []
    for batch in batches if column else ():
        converted = convert_batch(batch, space.features, objectives)
        suggestions = zip(converted.batch.suggestions, converted.design_faults, strict=True)
        for (suggestion, fault), places in zip(suggestions, _find_rows_by_name(batch, rows), strict=True):
            named = rows.iloc[places]
            named = named[named[SPLIT] != WITHDRAWN]
            if len(named) > 1:
                lines.append(
                    f"lines {', '.join(map(str, named['line']))}: {column}: {len(named)} rows name {suggestion.name}; "
                    "right if it was measured several times, else correct the names"
                )
            for _, row in () if fault else named.iterrows():
                if differences := _list_differences(row, suggestion.design, space):
                    lines.append(
                        f"line {row['line']}: {column}: names {suggestion.name}, but {', '.join(differences)}; it "
                        "counts as the result of that suggestion; correct the name if it is not"
                    )
    return lines


def _list_differences(row: pd.Series, design: Mapping[str, Any], space: Space) -> list[str]:
    """Say in which settings a row is far from a design: in choices, and in amounts by more than they are weighed."""
    found = []
    codes = [space.codes(pd.DataFrame([settings]))[0] for settings in (dict(row[list(space.names)]), design)]
    for feature, ours, theirs in zip(space.features, *codes, strict=True):
        far = max(2 * find_tolerance(feature, space), FAR * float(space.width[space.names.index(feature.name)]))
        # a step more or less is another amount, though a half is not
        if abs(ours - theirs) > (1e-9 if feature.is_category else far * (1 - 1e-6)):
            value, wanted = row[feature.name], design[feature.name]
            found.append(f"{feature.name} is {_show_value(value)}, suggested was {_show_value(wanted)}")
    return found


def _show_value(value: Any) -> str:
    """Return a setting as text."""
    if value is None or pd.isna(value):
        return "not used"
    return str(value) if isinstance(value, str) else f"{value:.6g}"


def digest_designs(rows: pd.DataFrame, features: Sequence[Feature]) -> list[str]:
    """Return a short digest of each design, in which the last digits of numbers do not count."""
    columns = [
        [f"{feature.name}={_format_cell(cell, feature)}" for cell in rows[feature.name]]
        for feature in sorted(features, key=lambda feature: feature.name)
    ]
    return [hashlib.sha256("\n".join(row).encode("utf-8")).hexdigest()[:8] for row in zip(*columns, strict=True)]


def digest_known(rows: pd.DataFrame, features: Sequence[Feature]) -> list[str]:
    """Return a short digest of each design, another one where its row is withdrawn, so that it may be made again."""
    digests = digest_designs(rows, features)
    return [
        f"{digest}-withdrawn" if split == WITHDRAWN else digest
        for digest, split in zip(digests, rows[SPLIT], strict=True)
    ]


def _format_cell(cell: Any, feature: Feature) -> str:
    """Return a cell of a design as text; a missing one, where the feature does not apply, as nothing."""
    if pd.isna(cell):
        return ""
    return str(cell) if feature.is_category else f"{cell + 0.0:.6g}"


def compare_suggestions(
    batches: Sequence[Batch], rows: pd.DataFrame, space: Space, objectives: Sequence[Objective], current: int
) -> pd.DataFrame:
    """Compare suggestions with what was measured of them.

    A row belongs to a suggestion if it names it in a column `suggestion`, whatever its amounts, or, where it names none
    of the ledger, if it has its design: the same choices, and numbers within half a step, or half a percent of the
    range where that is more. It may be anywhere in the table. Designs that the table had already when the batch was
    made are no results of it. Where the study has other features or objectives now, suggestions are "not comparable",
    but for rows that name them.

    Args:
        batches: all of the ledger.
        rows: the table, pending and failed rows included.
        space: where designs come from.
        objectives: the study's objectives.
        current: number of the latest batch, which cannot have been measured yet.

    Returns:
        One row per suggestion and objective, those of the study first.
    """
    found: list[dict[str, Any]] = []
    for converted, matches in _match_batches(batches, rows, space, objectives):
        if converted.batch.number != current:
            found += _compare_batch(converted, matches, objectives)
    return pd.DataFrame(found, columns=EARLIER)


def list_answered(
    batches: Sequence[Batch], rows: pd.DataFrame, space: Space, objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    """Return the designs of the suggestions that rows of the table answer, in the units of the study.

    A row that is withdrawn answers none here, so that its design may be made again.
    """
    return [
        dict(suggestion.design)
        for converted, matches in _match_batches(batches, rows, space, objectives)
        for suggestion, answers, fault in zip(
            converted.batch.suggestions, matches, converted.design_faults, strict=True
        )
        if not fault and (answers[SPLIT] != WITHDRAWN).any()
    ]


def _match_batches(
    batches: Sequence[Batch], rows: pd.DataFrame, space: Space, objectives: Sequence[Objective]
) -> Iterator[tuple[ConvertedBatch, list[pd.DataFrame]]]:
    """Yield each batch in the units of the study, with the rows that answer each of its suggestions."""
    digests = digest_known(rows, space.features)
    # a row that names a suggestion of any batch answers that one alone
    named = {place for batch in batches for places in _find_rows_by_name(batch, rows) for place in places}
    for batch in batches:
        converted = convert_batch(batch, space.features, objectives)
        # digests of known designs are of numbers in the units of their time
        own = digest_known(converted.restore_units(rows), space.features) if converted.conversions else digests
        yield converted, _find_matches(converted, rows, own, space, named)


def _compare_batch(
    converted: ConvertedBatch, matches: Sequence[pd.DataFrame], objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    """Compare the suggestions of one batch with the rows that answer each; none is left out."""
    found = []
    lost = converted.outcome_faults
    for suggestion, rows, fault in zip(converted.batch.suggestions, matches, converted.design_faults, strict=True):
        status = {"suggestion": suggestion.name, "batch": converted.batch.number, **_find_status(rows, fault)}
        predicted = suggestion.predicted
        ours = [objective for objective in objectives if objective.name in predicted and objective.name not in lost]
        for objective in ours:
            measured, side, missing = _find_result(rows, objective.name)
            outcome = {"objective": objective.name, "unit": objective.unit, "measured": measured}
            outcome |= {"limit": describe_side(side).strip()} | ({"status": missing} if missing else {})
            found.append({**status, **outcome, **_compare_result(predicted[objective.name], measured, side)})
        for name in (name for name in predicted if name in lost):
            outcome = {
                "objective": name,
                "unit": converted.find_unit(name),
                "status": NOT_COMPARABLE,
                "why": lost[name],
            }
            found.append({**status, **outcome, **_compare_result(predicted[name], np.nan)})
        if not predicted:
            found.append(status)
    return found


def _find_first(matches: pd.DataFrame) -> pd.Series:
    """Return the row that counts among those that answer a suggestion."""
    return matches.iloc[int(np.argmin([ORDER.get(split, 0) for split in matches[SPLIT]]))]


def _find_status(matches: pd.DataFrame, fault: str) -> dict[str, str]:
    """Return the status of a suggestion, and the lines of the rows that answer it.

    Args:
        matches: these rows.
        fault: why there is no telling by its design; empty if there is.
    """
    if matches.empty:
        return {"status": NOT_COMPARABLE if fault else "not tried", "line": "", "why": fault}
    row = _find_first(matches)
    further_lines = [str(line) for line in matches["line"] if line != row["line"]]
    status = row[SPLIT] if row[SPLIT] in ORDER else "measured"
    return {"status": status, "line": ", ".join([str(row["line"]), *further_lines]), "why": ""}


def _find_result(matches: pd.DataFrame, objective: str) -> tuple[float, float, str]:
    """Return what was measured of a suggestion, NaN if nothing was; its side if it is a limit; and why it lacks."""
    measured = matches[~matches[SPLIT].isin(list(ORDER))]
    values = measured[objective].dropna()
    if len(values) or measured.empty:
        sides = measured.get(name_bound_column(objective))
        side = float(sides[values.index[0]]) if sides is not None and len(values) else 0.0
        return (float(values.iloc[0]) if len(values) else np.nan), side, ""
    column = name_missing_column(objective)
    return np.nan, 0.0, str(measured[column].iloc[0]) if column in measured else ""


def _compare_result(predicted: Sequence[float | None], measured: float, side: float = 0.0) -> dict[str, Any]:
    """Return a prediction with its 95 % interval, and whether what was measured is inside.

    A limit can only show that it is not: an interval that reaches to its other side may or may not hold the true value.
    """
    middle, low, high = predicted
    inside = ""
    if low is not None and high is not None and not np.isnan(measured):
        inside = "yes" if low <= measured <= high else "no"
        if side:
            inside = "no" if (low > measured if side > 0 else high < measured) else ""
    return {"predicted": middle, "lower_95": low, "upper_95": high, "inside_95": inside}


def _find_matches(
    converted: ConvertedBatch, rows: pd.DataFrame, digests: Sequence[str], space: Space, named: Collection[int]
) -> list[pd.DataFrame]:
    """Return the rows that answer each suggestion of a batch: those that name it, and the one of its design.

    Args:
        converted: the batch.
        rows: the table.
        digests: of the designs of rows.
        space: where designs come from.
        named: positions of the rows that name a suggestion of any batch.
    """
    by_name = _find_rows_by_name(converted.batch, rows)
    by_design = _find_rows_by_design(converted, rows, digests, space, by_name, named)
    return [rows.iloc[[*places, *by_design.get(number, [])]] for number, places in enumerate(by_name)]


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
    converted: ConvertedBatch,
    rows: pd.DataFrame,
    digests: Sequence[str],
    space: Space,
    by_name: Sequence[Sequence[int]],
    named: Collection[int],
) -> dict[int, list[int]]:
    """Find the row nearest to each suggestion among those that have its design; one row answers one suggestion.

    A measured row counts before one that failed or is pending, even where a pending row names the suggestion: who fills
    in results may do so in a new row, and leave the old one.
    """
    batch = converted.batch
    wanted = [number for number, fault in enumerate(converted.design_faults) if not fault]
    free = [
        position
        for position in range(len(rows))
        if position not in named and (batch.known is None or digests[position] not in batch.known)
    ]
    if not wanted or not free:
        return {}
    codes = space.codes(rows.iloc[free])
    designs = space.codes(pd.DataFrame([dict(batch.suggestions[number].design) for number in wanted]))
    gaps = np.abs(codes[None, :, :] - designs[:, None, :])
    limits = np.array([find_tolerance(feature, space) for feature in space.features])
    is_near = gaps <= limits[None, None, :]
    is_known = codes[:, _find_categories(space)] != -1  # an unknown choice is -1, and equals no other
    fits = np.logical_and(np.all(is_near, axis=2), np.all(is_known, axis=1).reshape(1, -1))
    orders = [ORDER.get(split, 0) for split in rows[SPLIT]]
    splits = [orders[position] for position in free]
    # the first format did not keep what was known, so rows that came later go first
    ages = [int(batch.known is None and position < batch.n_rows) for position in free]
    # a suggestion that has a measured row needs no other one
    answers = [any(orders[position] == 0 for position in by_name[number]) for number in wanted]
    ranks = 2 * N_ORDERS * np.array(answers, dtype=int)[:, None]
    ranks = ranks + (N_ORDERS * np.array(ages) + np.array(splits))[None, :]
    distance = (gaps / space.width).sum(axis=2) + ranks * space.width.size
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


def find_tolerance(feature: Feature, space: Space) -> float:
    """Return how far an amount may be from the suggested one, in codes."""
    near = NEAR * float(space.width[space.names.index(feature.name)])
    return 1e-9 if feature.is_category else max(near, find_half_step(feature, space))


def find_half_step(feature: Feature, space: Space) -> float:
    """Return half a step of a feature, in codes; next to nothing where it has none."""
    if feature.is_category:
        return 1e-9
    step = space.simplex.step if space.simplex and feature.name in space.simplex.features else feature.step
    if feature.levels:
        levels = np.log10(feature.levels) if feature.is_logarithmic else np.array(feature.levels)
        step = float(np.diff(levels).min())
    # a row exactly half a step away must not fail by rounding
    return max(1e-9 * float(space.width[space.names.index(feature.name)]), 0.5 * (step or 0.0) * (1 + 1e-9))
