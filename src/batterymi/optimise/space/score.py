"""The weighted score of several objectives, and the violation of limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.goals import Limit
from batterymi.config.parts import Objective
from batterymi.vocabulary.measured import name_bound_column


def compute_score(outcomes: pd.DataFrame, objectives: Sequence[Objective]) -> Array:
    """Return the weighted sum of the objectives, each in units of its scale; smaller is better.

    Dividing by the declared scale makes the terms dimensionless before they are added.

    Args:
        outcomes: one column per objective.
        objectives: those to maximise or minimise, or with a target, count.

    Returns:
        Shape (n_designs,).
    """
    total = np.zeros(len(outcomes))
    for objective in objectives:
        if objective.is_optimised:
            values = outcomes[objective.name].to_numpy(float)
            total += objective.weight * objective.compute_cost(values) / objective.scale
    return total


def compute_violation(outcomes: pd.DataFrame, objectives: Sequence[Objective], limits: Sequence[Limit]) -> Array:
    """Add up by how much designs violate the limits, in units of the objectives' scales.

    Args:
        outcomes: one column per objective.
        objectives: the study's objectives.
        limits: the limits in force.

    Returns:
        Shape (n_designs,); 0 where all limits are met, NaN where an outcome is missing.
    """
    total = np.zeros(len(outcomes))
    scales = {objective.name: objective.scale for objective in objectives}
    for limit in limits:
        excess = limit.sign * (outcomes[limit.objective].to_numpy(float) - limit.value)
        total += np.maximum(excess, 0) / scales[limit.objective]
    return total


def find_certain(
    sides: Mapping[str, Array], objectives: Sequence[Objective], limits: Sequence[Limit], n_designs: int
) -> Mask:
    """Return which designs are at least as good as their numbers say.

    Of `>1000` the true value is at least as good as 1000 where more is better. Of `<70` it may be anything worse, so it
    ranks no design and meets no lower limit; nor does either say how far a target is.

    Args:
        sides: by outcome, `UPPER` where it is only known to be at or below its number, `LOWER` where at or above, else
            0; each of shape (n_designs,).
        objectives: those to maximise or minimise, or with a target, count.
        limits: the limits in force.
        n_designs: how many there are.

    Returns:
        Shape (n_designs,).
    """
    certain = np.ones(n_designs, dtype=bool)
    signs = [(objective.name, objective.sign) for objective in objectives if objective.is_optimised]
    for name, sign in (*signs, *((limit.objective, limit.sign) for limit in limits)):
        side = sides.get(name, np.zeros(n_designs))
        # UPPER and LOWER have the signs of what is minimised and maximised
        certain &= (side == 0) | (side * sign > 0)
    return certain


def get_sides(rows: pd.DataFrame, objectives: Sequence[Objective]) -> dict[str, Array]:
    """Return of which rows each outcome is only a bound, as `find_certain` takes it."""
    columns = {objective.name: name_bound_column(objective.name) for objective in objectives}
    return {name: rows[column].fillna(0).to_numpy(float) for name, column in columns.items() if column in rows}


def get_declared_limits(objectives: Sequence[Objective]) -> tuple[Limit, ...]:
    """Return the limits as the study declares them."""
    return tuple(limit for objective in objectives for limit in objective.limits)


def get_planned_limits(objectives: Sequence[Objective]) -> tuple[Limit, ...]:
    """Return the declared limits moved inwards by their reserves, as designs of a campaign keep them."""
    return tuple(
        Limit(limit.objective, limit.side, limit.value - limit.sign * (objective.reserve or 0.0))
        for objective in objectives
        for limit in objective.limits
    )


def read_limits(reports: Iterable[Mapping[str, Any]]) -> tuple[Limit, ...]:
    """Return the limits in force from the reports on them in a campaign's `benchmark.json`."""
    return tuple(Limit(report["objective"], report["side"], float(report["in_force"])) for report in reports)


def penalise_scores(history: pd.DataFrame) -> Array:
    """Add the violation to the score, in units of its spread, for engines that know no limits.

    The penalty grows with the distance to the limits, so that an engine sees which way they lie; a constant such as
    1e6 would flatten everything else in a Gaussian process. A failed design gets the worst value of all.

    Args:
        history: evaluated designs.

    Returns:
        Shape (n,), finite.
    """
    scores = history["score"].dropna()
    spread = float(scores.max() - scores.min()) if len(scores) else 0.0
    # without any spread, one unit of violation costs one unit of score
    values = (history["score"] + (spread or 1.0) * history["violation"]).to_numpy(float)
    worst = np.nanmax(values) if np.isfinite(values).any() else 0.0
    return np.where(np.isfinite(values), values, worst)
