"""What changed since the last batch: bounds, choices and goals, and results that were corrected or withdrawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Constraint, Feature, Objective
from batterymi.data.header_units import Conversion
from batterymi.optimise.campaigns.converted_batches import convert_batch
from batterymi.optimise.campaigns.ledger import are_same_designs
from batterymi.optimise.campaigns.ledger_lines import Batch
from batterymi.optimise.campaigns.matched_results import digest_designs
from batterymi.vocabulary.measured import describe_side, name_bound_column
from batterymi.vocabulary.splits import SPLIT, TRAIN, WITHDRAWN

MOST_ROWS = 2000  # of which a batch keeps the results; longer tables would fill the ledger
MOST_LINES = 20
CONVERTED = ("bounds", "levels", "at_least", "at_most", "target")  # numbers of features and objectives that have units
Value = float | str | None
Content = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A study at one time.

    Attributes:
        rows: its table.
        features: of designs.
        objectives: of the study.
        constraints: on designs.
        id_column: the column that names rows, if there is one.
    """

    rows: pd.DataFrame
    features: Sequence[Feature]
    objectives: Sequence[Objective]
    constraints: Sequence[Constraint] = ()
    id_column: str | None = None

    def describe_problem(self) -> Content:
        """Return what designs may be and what they are for, as a ledger keeps it."""
        return {
            "features": {feature.name: _describe_feature(feature) for feature in self.features},
            "objectives": {o.name: _describe_objective(o) for o in self.objectives},
            "constraints": {c.name: c.expression or f"{c.function} of {', '.join(c.names)}" for c in self.constraints},
        }

    def list_results(self) -> Content | None:
        """Return the rows that models learn from, as a ledger keeps them; None where they are too many."""
        learned = self.rows[self.rows[SPLIT] == TRAIN]
        if len(learned) > MOST_ROWS:
            return None
        names = [feature.name for feature in self.features], [objective.name for objective in self.objectives]
        rows = [[row.key, row.design, row.results] for row in _list_rows(self, learned, *names)]
        return {"features": names[0], "outcomes": names[1], "rows": rows}

    def as_dict(self) -> Content:
        """Return what a line of a ledger keeps of the study."""
        results = self.list_results()
        return {"problem": self.describe_problem()} | ({} if results is None else {"results": results})


@dataclass(frozen=True)
class _Row:
    """A row of a table: its name or the digest of its design, its design, its results, and where it is."""

    key: str
    design: list[Value]
    results: list[Value]
    line: int = 0
    split: str = TRAIN


def describe_changes(batch: Batch, now: State) -> list[str]:
    """Say what changed in a study since a batch was made.

    Args:
        batch: of a ledger; one of an earlier version of this workflow tells nothing.
        now: the study.

    Returns:
        A line for each change.
    """
    before = _convert_problem(batch, now) if batch.problem else {}
    found = _compare_problems(before, now.describe_problem()) if batch.problem else []
    found += _compare_rows(batch, now) if batch.results else []
    shown = [f"since batch {batch.number}: {line}" for line in found[:MOST_LINES]]
    return shown + ([f"... and {len(found) - MOST_LINES} more changes"] if len(found) > MOST_LINES else [])


def _convert_problem(batch: Batch, now: State) -> Content:
    """Return what a batch keeps of the study, in the units that this has now."""
    conversions = convert_batch(batch, now.features, now.objectives).conversions
    kept = batch.problem or {}
    problem = {part: dict(kept.get(part, {})) for part in ("features", "objectives", "constraints")}
    for column in (*now.features, *now.objectives):
        for part in ("features", "objectives"):
            conversion, old = conversions.get(column.name), problem[part].get(column.name)
            if conversion is None or old is None:
                continue
            is_logarithmic = isinstance(column, Feature) and column.is_logarithmic
            # a difference has no offset, as between °C and K
            has_step = isinstance(old.get("step"), float | int) and not is_logarithmic
            step = {"step": _convert_difference(old["step"], conversion)} if has_step else {}
            values = {key: _convert_values(old[key], conversion) for key in CONVERTED if old.get(key) is not None}
            problem[part][column.name] = {**old, **values, **step}
    return problem


def _convert_values(values: float | list[float], conversion: Conversion) -> float | list[float]:
    """Return numbers in the unit of the study, without the last digits that a conversion leaves."""
    converted = conversion.convert_to_study(pd.Series(np.atleast_1d(values), dtype=float))
    found = [float(f"{value:.12g}") for value in converted]
    return found if isinstance(values, list | tuple) else found[0]


def _convert_difference(step: float, conversion: Conversion) -> float:
    """Return a step in the unit of the study."""
    ends = _convert_values([0.0, step], conversion)
    assert isinstance(ends, list)
    return float(f"{abs(ends[1] - ends[0]):.9g}")


def _describe_feature(feature: Feature) -> Content:
    """Return what values a feature can take."""
    kinds = {"bounds": feature.bounds, "step": feature.step, "levels": feature.levels, "choices": feature.choices}
    return {kind: list(value) if isinstance(value, tuple) else value for kind, value in kinds.items() if value}


def _describe_objective(objective: Objective) -> Content:
    """Return what an objective is for, and what measuring it costs where that is declared."""
    content: Content = {"goal": objective.goal, "at_least": objective.at_least, "at_most": objective.at_most}
    if objective.target is not None:
        content["target"] = list(objective.target) if isinstance(objective.target, tuple) else objective.target
    if objective.early is None:
        return content
    early = {"early measurement": objective.early.column, "cost of the early measurement": objective.early.cost}
    return content | early | {"cost": objective.cost}


def _compare_problems(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say how features, objectives and constraints differ; those that are gone stand with the batches."""
    lines = []
    for part, what in (("features", ""), ("objectives", "the objective "), ("constraints", "the constraint ")):
        old, new = before.get(part, {}), now[part]
        for name in dict.fromkeys([*old, *new]):
            if name not in old:
                lines.append(f"{what or 'the feature '}{name} is new")
            elif name not in new:
                lines.append(f"{what or 'the feature '}{name} is gone")
            elif part == "constraints":
                lines += [f"{what}{name} was `{old[name]}`, is `{new[name]}`"] if old[name] != new[name] else []
            else:
                lines += _compare_settings(name, old[name], new[name])
    return lines


def _compare_settings(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say which settings of a feature or an objective differ."""
    lines = []
    for key in dict.fromkeys([*old, *new]):
        before, now = old.get(key), new.get(key)
        if before == now:
            continue
        if isinstance(before, list) and isinstance(now, list) and key in ("choices", "levels"):
            added, gone = ([item for item in a if item not in b] for a, b in ((now, before), (before, now)))
            said = [f"added {_show(added)}"] * bool(added) + [f"removed {_show(gone)}"] * bool(gone)
            lines.append(f"{key} of {name}: {', '.join(said) or f'now in the order {_show(now)}'}")
        else:
            verb = ("were", "are") if key == "bounds" else ("was", "is")
            lines.append(f"{key} of {name} {verb[0]} {_show(before)}, {verb[1]} {_show(now)}")
    return lines


def _show(value: Any) -> str:
    """Return a setting or a value in words."""
    if isinstance(value, list):
        return ", ".join(map(_show, value)) if any(isinstance(item, str) for item in value) else _show_numbers(value)
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)


def _show_numbers(values: Sequence[float]) -> str:
    """Return a pair of bounds as a range, other numbers as a list."""
    shown = [f"{value:.6g}" for value in values]
    return " to ".join(shown) if len(shown) == 2 else ", ".join(shown)


def _list_rows(state: State, rows: pd.DataFrame, features: Sequence[str], outcomes: Sequence[str]) -> list[_Row]:
    """Return rows of a table with their names, or the digests of their designs."""
    keys = digest_designs(rows, state.features) if state.id_column is None else rows[state.id_column].astype(str)
    words = {feature.name for feature in state.features if feature.is_category}
    columns = [
        [str(cell) if name in words else None if pd.isna(cell) else float(cell) for cell in rows[name]]
        for name in (*features, *outcomes)
    ]
    cells = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in keys]
    n = len(features)
    # as text, which numbers never are, so that a batch that was made without limits is read as before
    sides = [rows.get(name_bound_column(name), pd.Series(0.0, rows.index)).fillna(0.0) for name in outcomes]
    for place, column in enumerate(sides, start=n):
        for row, side in zip(cells, column, strict=True):
            if side and row[place] is not None:
                row[place] = f"{describe_side(side)}{row[place]:.10g}"
    return [
        _Row(key, row[:n], row[n:], int(line), split)
        for key, row, line, split in zip(keys, cells, rows["line"], rows[SPLIT], strict=True)
    ]


def _compare_rows(batch: Batch, now: State) -> list[str]:
    """Say which rows that the batch learned from have other values now, are withdrawn, or are gone."""
    assert batch.results is not None
    known = {feature.name for feature in now.features}, {objective.name for objective in now.objectives}
    stored = list(batch.results["features"]), list(batch.results["outcomes"])
    kept = [[name for name in names if name in own] for names, own in zip(stored, known, strict=True)]
    if now.id_column is None and set(stored[0]) != known[0]:
        return []  # designs of other features have other digests
    old = [
        _Row(key, _pick(design, stored[0], kept[0]), _pick(results, stored[1], kept[1]))
        for key, design, results in batch.results["rows"]
    ]
    # in the units of the batch, as what it keeps
    rows = convert_batch(batch, now.features, now.objectives).restore_units(now.rows)
    return _Comparison(kept[0], kept[1], _list_rows(now, rows, *kept), now.id_column is not None).compare(old)


def _pick(values: Sequence[Value], names: Sequence[str], kept: Sequence[str]) -> list[Value]:
    """Return the values of some names."""
    return [values[names.index(name)] for name in kept]


@dataclass
class _Comparison:
    """The rows of a table now, among which those of a batch are looked for.

    Attributes:
        features: columns of a design.
        outcomes: columns of results.
        rows: of the table.
        has_names: whether rows have names; else only designs tell them apart.
        found: lines of the rows that were found again.
    """

    features: list[str]
    outcomes: list[str]
    rows: list[_Row]
    has_names: bool
    found: set[int] = field(default_factory=set)

    def compare(self, old: Sequence[_Row]) -> list[str]:
        """Say what became of rows; those that are as they were are passed over."""
        by_key: dict[str, list[_Row]] = {}
        for row in self.rows:
            by_key.setdefault(row.key, []).append(row)
        # exact ones first, so that of several replicates the right one is called changed
        changed = list(old)
        for is_exact in (True, False):
            changed = [row for row in changed if not self._find_unchanged(row, by_key.get(row.key, []), is_exact)]
        return [line for row in changed for line in self._describe_row(row, by_key.get(row.key, []))]

    def _find_unchanged(self, row: _Row, candidates: Sequence[_Row], is_exact: bool) -> bool:
        """Return whether a row is as it was, or only got further results."""
        for other in candidates:
            is_free = other.line not in self.found and other.split == TRAIN
            if is_free and (not is_exact or row.results == other.results) and not self._list_differences(row, other):
                self.found.add(other.line)
                return True
        return False

    def _list_differences(self, row: _Row, other: _Row) -> list[str]:
        """Say which values are others now; results that came later are no differences."""
        names = (*self.features, *self.outcomes)
        pairs = zip(names, (*row.design, *row.results), (*other.design, *other.results), strict=True)
        return [
            f"{name} was {_show(before)}, {'has no value now' if value is None else f'is {_show(value)}'}"
            for name, before, value in pairs
            if before is not None and (value is None or not are_same_designs({name: before}, {name: value}))
        ]

    def _describe_row(self, row: _Row, candidates: Sequence[_Row]) -> list[str]:
        """Say what became of a row that is not as it was."""
        called = f" ({row.key})" if self.has_names else ""
        free = [other for other in candidates if other.line not in self.found]
        # a withdrawn row first, beside which a corrected one is a new row
        others = sorted(free, key=lambda other: (other.split != WITHDRAWN, other.split != TRAIN))
        if not others:
            # without names, a row with the same results and another design is taken to be the same
            others = [
                other
                for other in self.rows
                if other.line not in self.found and other.split == TRAIN and other.results == row.results
            ]
        if not others:
            values = zip((*self.features, *self.outcomes), (*row.design, *row.results), strict=True)
            said = ", ".join(f"{name} {_show(value)}" for name, value in values if value is not None)
            return [f"a row is gone{called}: {said}"]
        other = others[0]
        self.found.add(other.line)
        if other.split != TRAIN:
            return [f"line {other.line}{called}: was learned from, and is {other.split} now"]
        return [f"line {other.line}{called}: {said}" for said in self._list_differences(row, other)]
