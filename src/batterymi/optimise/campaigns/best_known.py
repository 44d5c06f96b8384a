"""The best measured designs, with which suggestions are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.parts import Objective
from batterymi.optimise.engines.base import is_within_bounds
from batterymi.optimise.engines.models import Replicates, group_replicates
from batterymi.optimise.space.pareto import is_pareto_optimal
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import find_certain
from batterymi.statistics.digits import format_beside, format_estimate
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.measured import LOWER, UPPER, describe_side, name_bound_column, name_error_column
from batterymi.vocabulary.units import format_unit

BEST_ROWS = "best_rows"  # in a campaign's `benchmark.json`
MAX_NAMED = 3  # replicates that are named


@dataclass(frozen=True)
class BestKnown:
    """The best measured designs within the bounds that meet all limits: one, or the front of several objectives.

    Attributes:
        values: mean outcome of each design, one column per modelled objective.
        errors: its standard deviation, NaN where it is unknown.
        sides: `UPPER` where it is only known to be at or below that, `LOWER` where at or above, else 0.
        labels: what the table calls each.
        spreads: standard deviation of all measured values, by objective.
        n_within: measured designs within the bounds, whatever the limits.
        n_uncertain: those of them that only a bound is known of, which may be worse than its number.
    """

    values: pd.DataFrame
    errors: pd.DataFrame
    sides: pd.DataFrame
    labels: tuple[str, ...]
    spreads: Mapping[str, float]
    n_within: int
    n_uncertain: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def format_value(self, place: int, objective: Objective, deviation: float = np.nan) -> str:
        """Return an outcome of a design with its error and unit, in the digits of what is compared with it."""
        value, error, side = (
            float(part[objective.name].iloc[place]) for part in (self.values, self.errors, self.sides)
        )
        return f"{format_measured(value, error, side, deviation)}{format_unit(objective.unit)}"

    def as_records(self) -> list[dict[str, Any]]:
        """Return what the table calls each design, and its outcomes, as plain values for JSON."""
        parts = self.values.to_dict("records"), self.errors.to_dict("records"), self.sides.to_dict("records")
        return [
            {
                "label": label,
                "outcomes": {
                    str(name): {
                        "value": float(values[name]),
                        "error": float(errors[name]) if errors[name] > 0 else None,
                        "side": int(sides[name]),
                    }
                    for name in values
                },
            }
            for label, values, errors, sides in zip(self.labels, *parts, strict=True)
        ]

    def describe(self, search: Search) -> str:
        """Return the best design, or the best value of each objective among those of the front."""
        if not len(self):
            return ""
        if len(search.optimised) == 1:
            return self._describe_best(0, search.optimised[0])
        parts = []
        for objective in search.optimised:
            place = int(np.argmin(objective.compute_cost(self.values[objective.name].to_numpy(float))))
            parts.append(f"{objective.label} {self._describe_best(place, objective)}")
        return "; ".join(parts)

    def _describe_best(self, place: int, objective: Objective) -> str:
        """Return an outcome of a design, what the table calls it, and how it compares with a target."""
        named = f"{self.format_value(place, objective)} ({self.labels[place]})"
        if not objective.window:
            return named
        return f"{named}, {'within' if self.hits(place, objective) else 'closest to'} {objective.target_text}"

    def hits(self, place: int, objective: Objective) -> bool:
        """Return whether an outcome of a design lies within the window of a target."""
        window, value = objective.window, float(self.values[objective.name].iloc[place])
        return window is not None and not window.is_single and window.low <= value <= window.high


def format_measured(value: float, error: float | None, side: float, deviation: float = np.nan) -> str:
    """Return a measured outcome with its error; of a bound, on which side of it the true value lies."""
    shown = format_estimate(value, error) if error and error > 0 else format_beside(value, deviation)
    return f"{describe_side(side)}{shown}"


def find_best_known(search: Search, rows: pd.DataFrame, id_column: str | None = None) -> BestKnown:
    """Find the best measured designs; replicates count by their mean, weighted by their errors.

    One that only a bound is known of counts where it is at least as good as that number.

    Args:
        search: objectives and limits in force, and the space.
        rows: the measured rows.
        id_column: column that names them; without one they are named by their lines.
    """
    names = search.modelled
    spreads = {name: float(rows[name].astype(float).std(ddof=0)) for name in names}
    known = rows[rows[names].notna().all(axis=1)]
    known = known.iloc[np.flatnonzero(is_within_bounds(search.space, known))] if len(known) else known
    replicates = group_replicates(search.space.codes(known)) if len(known) else None
    if replicates is None:
        nothing = pd.DataFrame(columns=names, dtype=float)
        return BestKnown(nothing, nothing, nothing, (), spreads, 0)
    averaged = {name: _average_outcome(replicates, known, name) for name in names}
    values, errors = (pd.DataFrame({name: pair[k] for name, pair in averaged.items()}) for k in (0, 1))
    sides = pd.DataFrame({name: _find_sides(replicates, known, name) for name in names})
    certain = find_certain(
        {name: sides[name].to_numpy(float) for name in names}, search.objectives, search.limits, len(values)
    )
    good = np.flatnonzero((search.compute_violation(values) <= 0) & certain)
    costs = search.compute_costs(values.iloc[good])
    # of equal ones that which may be better still, as >1000 beside 1000, else the first
    first = search.optimised[0]
    order = np.lexsort((-first.sign * sides[first.name].to_numpy()[good], costs[:, 0]))
    kept = good[is_pareto_optimal(costs)] if costs.shape[1] > 1 else good[order[:1]]
    labels = tuple(_name_rows(known[replicates.group == place], id_column) for place in kept)
    best, its_errors, its_sides = (part.iloc[kept].reset_index(drop=True) for part in (values, errors, sides))
    return BestKnown(best, its_errors, its_sides, labels, spreads, len(values), int((~certain).sum()))


def find_dominating(values: pd.DataFrame, design: Mapping[str, float], objectives: tuple[Objective, ...]) -> Indices:
    """Return the places of the designs that are nowhere worse than another, and somewhere better."""
    theirs = np.column_stack([o.compute_cost(values[o.name].to_numpy(float)) for o in objectives])
    own = np.array([float(o.compute_cost(np.array(design[o.name]))) for o in objectives])
    return np.flatnonzero((theirs <= own).all(axis=1) & (theirs < own).any(axis=1))


def _average_outcome(replicates: Replicates, rows: pd.DataFrame, name: str) -> tuple[Array, Array]:
    """Return the mean outcome of each design, and its standard deviation, NaN where it is unknown."""
    column = name_error_column(name)
    errors = rows[column].to_numpy(float) if column in rows else None
    means, variances = replicates.combine(rows[name].to_numpy(float), errors)
    return means, np.full(len(means), np.nan) if variances is None else np.sqrt(variances)


def _find_sides(replicates: Replicates, rows: pd.DataFrame, name: str) -> Array:
    """Return of which designs the outcome is a limit, and on which side; of limits on both sides the mean is none."""
    column = name_bound_column(name)
    sides = rows[column].fillna(0).to_numpy(float) if column in rows else np.zeros(len(rows))
    upper, lower = (np.bincount(replicates.group, sides == side) > 0 for side in (UPPER, LOWER))
    return np.where(upper & ~lower, UPPER, np.where(lower & ~upper, LOWER, 0))


def _name_rows(rows: pd.DataFrame, id_column: str | None) -> str:
    """Return what the table calls the rows of one design."""
    names = [
        show_in_line(str(row[id_column])) if id_column and str(row[id_column]).strip() else f"line {row['line']}"
        for row in rows.to_dict("records")
    ]
    names = list(dict.fromkeys(names))
    listed = ", ".join(names[:MAX_NAMED]) + (", …" if len(names) > MAX_NAMED else "")
    return f"mean of {len(rows)} rows: {listed}" if len(rows) > 1 else listed
