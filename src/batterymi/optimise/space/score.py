"""One number for several objectives, and how far designs are from their limits."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Objective

Array = NDArray[np.float64]


def score(outcomes: pd.DataFrame, objectives: Sequence[Objective]) -> Array:
    """Weighted sum of the objectives, each in units of its scale; smaller is better.

    Dividing by the declared scale makes the terms dimensionless before they are added.

    Args:
        outcomes: one column per objective.
        objectives: those to maximise or minimise count.

    Returns:
        Shape (n_designs,).
    """
    total = np.zeros(len(outcomes))
    for objective in objectives:
        if objective.goal in ("maximise", "minimise"):
            sign = -1 if objective.goal == "maximise" else 1
            values = outcomes[objective.name].to_numpy(float)
            total += sign * objective.weight * values / objective.scale
    return total


def violation(outcomes: pd.DataFrame, objectives: Sequence[Objective], limits: Mapping[str, float]) -> Array:
    """By how much designs miss the limits, in units of the objectives' scales, added up.

    Args:
        outcomes: one column per objective.
        objectives: the study's objectives.
        limits: limits in force, as found by `limits_in_force`.

    Returns:
        Shape (n_designs,); 0 where all limits are met, not-a-number where an outcome is missing.
    """
    total = np.zeros(len(outcomes))
    for objective in objectives:
        values = outcomes[objective.name].to_numpy(float)
        if objective.at_least is not None:
            limit = limits[f"{objective.name}:at_least"]
            total += np.maximum(limit - values, 0) / objective.scale
        if objective.at_most is not None:
            limit = limits[f"{objective.name}:at_most"]
            total += np.maximum(values - limit, 0) / objective.scale
    return total


def declared_limits(objectives: Sequence[Objective]) -> dict[str, float]:
    """Limits as the study declares them, by "objective:at_least" or "objective:at_most"."""
    limits = {}
    for objective in objectives:
        if objective.at_least is not None:
            limits[f"{objective.name}:at_least"] = objective.at_least
        if objective.at_most is not None:
            limits[f"{objective.name}:at_most"] = objective.at_most
    return limits


def told_values(history: pd.DataFrame) -> Array:
    """What an engine of one number is told: the score, plus the violation in units of the spread of scores.

    The penalty grows with the distance to the limits, so that an engine sees which way they lie; a constant such as
    1e6 would flatten everything else in a Gaussian process. A failed design is told as the worst value of all.

    Args:
        history: evaluated designs.

    Returns:
        Shape (n,), finite.
    """
    scores = history["score"].dropna()
    spread = float(scores.max() - scores.min()) if len(scores) else 0.0
    values = (history["score"] + (spread or 1.0) * history["violation"]).to_numpy(float)
    worst = np.nanmax(values) if np.isfinite(values).any() else 0.0
    return np.where(np.isfinite(values), values, worst)
