"""Intervals that widen outside the applicability domain, where held-out errors say little about new designs.

Up to a radius, that of nine tenths of the held-out rows, intervals are as wide as held-out errors say. Beyond it a half
width grows by two standard deviations of the learned values per unit of distance, which is a standard deviation of a
typical column: as the error of a function may that varies outside as it does inside, and of which the model knows
nothing there. Where 20 held-out rows or more lie beyond the radius, their errors change that rate, by a factor of up to
four either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from batterymi.arrays import Array
from batterymi.surrogates.distances import Points, Rows, measure_neighbours

OUTSIDE_SHARE = 0.1  # share of held-out rows, the farthest, that lie beyond the radius
RATE = 2.0  # deviations of the learned values by which a half width grows per unit of distance
MOST_CHANGED = 4.0  # factor by which held-out errors may change the rate
MIN_BEYOND = 20  # held-out rows beyond the radius from which the rate is estimated
PRIOR_DEVIATION = 0.5  # of the logarithm of that factor


@dataclass(frozen=True)
class Widening:
    """By what factor intervals widen with the distance to the rows that a model learned from.

    Attributes:
        learned: these rows, encoded, shape (n, n_columns); no row where intervals do not widen.
        radius: distance up to which intervals are not widened.
        growth: share of itself by which an interval widens per unit of distance beyond.
    """

    learned: Array
    radius: float = 1.0
    growth: float = 0.0

    @cached_property
    def points(self) -> Points:
        """Return the learned rows, to measure distances to."""
        return Points(self.learned)

    @property
    def widens(self) -> bool:
        """Whether any interval is widened."""
        return self.growth > 0 and len(self.learned) > 0

    def compute_factors(self, rows: Rows) -> Array:
        """Return by what factor the intervals of encoded rows are widened, shape (n_rows,)."""
        return self.convert_distances(measure_neighbours(rows, self.points)) if self.widens else np.ones(len(rows))

    def convert_distances(self, distance: Array) -> Array:
        """Return the factors at distances to the five nearest learned rows, same shape."""
        return 1 + self.growth * np.maximum(distance - self.radius, 0)

    def export(self) -> dict[str, Any]:
        """Return what a model file keeps."""
        return {"learned": self.learned, "radius": self.radius, "growth": self.growth}

    @classmethod
    def restore(cls, parts: Mapping[str, Any]) -> Self:
        """Return a widening from what `export` kept.

        Raises:
            TypeError: if the parts are of other kinds.
        """
        learned = parts["learned"]
        if not isinstance(learned, np.ndarray) or learned.ndim != 2:
            raise TypeError("the rows that a model learned from are not a matrix")
        return cls(learned, float(parts["radius"]), float(parts["growth"]))


def make_no_widening() -> Widening:
    """Return a widening that leaves intervals as they are."""
    return Widening(np.empty((0, 0)))


def fit_widening(learned: Array, distance: Array, scores: Array, relative_spread: float) -> Widening:
    """Choose from held-out rows where intervals begin to widen, and how fast.

    Args:
        learned: rows that the final model learned from, encoded, shape (n, n_columns).
        distance: of each held-out row to what its fold's model learned from, shape (n_scored,).
        scores: held-out errors over their spreads, shape (n_scored,).
        relative_spread: standard deviation of the learned values, in half widths of a typical interval.
    """
    radius = float(np.quantile(distance, 1 - OUTSIDE_SHARE))
    growth = RATE * relative_spread
    return Widening(learned, radius, growth * _estimate_change(scores, np.maximum(distance - radius, 0) * growth))


def _estimate_change(scores: Array, widening: Array) -> float:
    """Return the factor of largest posterior density by which intervals widen faster than by the stated rule.

    Errors are taken to be normal, and the prior of the factor is log-normal.

    Args:
        scores: held-out errors over their spreads, shape (n,).
        widening: share of themselves by which intervals widen there by the rule, shape (n,).
    """
    is_beyond = widening > 0
    inside = float(np.sqrt(np.mean(scores[~is_beyond] ** 2))) if not is_beyond.all() else 0.0
    if is_beyond.sum() < MIN_BEYOND or inside <= 0:
        return 1.0
    from scipy.optimize import minimize_scalar

    ratios, far = scores[is_beyond] / inside, widening[is_beyond]

    def misfit(logarithm: float) -> float:
        widths = 1 + np.exp(logarithm) * far
        density = float(np.sum(np.log(widths) + 0.5 * (ratios / widths) ** 2))
        return density + 0.5 * (logarithm / PRIOR_DEVIATION) ** 2

    most = float(np.log(MOST_CHANGED))
    return float(np.exp(minimize_scalar(misfit, bounds=(-most, most), method="bounded").x))
