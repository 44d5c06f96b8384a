"""The weighted score of several objectives, and the violation of limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.goals import Limit
from batterymi.config.parts import Objective


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
