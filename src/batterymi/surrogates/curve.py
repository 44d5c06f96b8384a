"""Learning curves: the error over the number of rows, and what twice as many would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean
from batterymi.surrogates.validation import CrossValidation, fit_on_rows

SHARES = (0.1, 0.25, 0.5, 1.0)
N_DRAWS = 2
FEWEST_ROWS = 5
N_FITTED = 3  # the last points; a curve that has flattened must not be extrapolated by its steep start


def compute_learning_curve(name: str, validation: CrossValidation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the error of held-out rows for models that learned from a share of the groups.

    Whole groups are left out, since the next rows come in groups too. A power law through the last three errors is
    extrapolated to twice the rows; its interval comes from resampling the groups that are tested.

    Args:
        name: the model.
        validation: the cross-validation.
        settings: hyperparameters, held fixed.

    Returns:
        `points` (rows, mae, lower, upper), `exponent` of the power law with its interval, and `doubled`: the error
        expected at twice the rows, and its change, with 95 % intervals.
    """
    misses, counts, points = [], [], []
    for share in SHARES:
        miss, n_rows = _measure_misses(name, validation, settings, share)
        if n_rows >= FEWEST_ROWS:
            misses.append(miss)
            counts.append(n_rows)
            interval = validation.compute_interval(miss, compute_mean)
            points.append({"rows": n_rows, **label_interval("mae", float(miss.mean()), interval)})
    if len(points) < 3:
        return {"points": points}
    law = PowerLaw(tuple(counts[-N_FITTED:]))
    last = misses[-N_FITTED:]
    return {
        "points": points,
        "exponent": float(law.find_exponent(*last)),
        "exponent_interval": list(validation.compute_interval(last, law.find_exponent)),
        "doubled": {
            "rows": 2 * counts[-1],
            "mae": float(law.double(*last)),
            "interval": list(validation.compute_interval(last, law.double)),
            "change": float(law.double(*last) - misses[-1].mean()),
            "change_interval": list(validation.compute_interval(last, law.find_change)),
        },
    }


@dataclass(frozen=True)
class PowerLaw:
    """Power laws through mean errors at some numbers of rows; each method takes errors of rows, an array per number.

    Attributes:
        counts: numbers of rows.
    """

    counts: tuple[int, ...]

    def find_exponent(self, *misses: Array) -> Array:
        """Return the exponent by which the mean error falls."""
        x = np.log(np.asarray(self.counts, float))
        # an error of zero has no logarithm
        y = np.log(np.maximum(np.stack([compute_mean(miss) for miss in misses], axis=-1), 1e-12))
        centred = x - x.mean()
        return np.asarray(-(y * centred).sum(axis=-1) / (centred**2).sum())

    def double(self, *misses: Array) -> Array:
        """Return the mean error at twice the rows, extrapolated from the last point, which is known."""
        return np.asarray(compute_mean(misses[-1]) * 2.0 ** -self.find_exponent(*misses))

    def find_change(self, *misses: Array) -> Array:
        """Return the change of the mean error from the last point to twice the rows."""
        return self.double(*misses) - compute_mean(misses[-1])


def _measure_misses(
    name: str, validation: CrossValidation, settings: Mapping[str, Any], share: float
) -> tuple[Array, int]:
    """Return the mean absolute error of each scored row over the draws, and the typical number of rows learned from."""
    problem, seed = validation.problem, validation.seed
    labels = pd.factorize(np.asarray(problem.groups, dtype=str))[0]
    total, sizes = np.zeros(problem.n_scored), []
    # with all groups every draw is the same
    n_draws = 1 if share == 1 else N_DRAWS
    for draw in range(n_draws):
        # the seed does not depend on the share, so small samples are subsets of large ones
        rng = np.random.default_rng([seed, draw])
        for train, test in validation.splits:
            scored = train[train < problem.n_scored]
            kept = _sample_groups(labels[scored], share, rng)
            # rows of related tasks always stay, since the curve is over the study's own rows
            rows = np.concatenate([scored[kept], train[train >= problem.n_scored]])
            model = fit_on_rows(name, problem, rows, validation.method, seed, settings)
            total[test] += np.abs(problem.observed[test] - model.predict_mean(problem.frame.iloc[test]))
            sizes.append(int(kept.sum()))
    return total / n_draws, round(float(np.mean(sizes)))


def _sample_groups(labels: Indices, share: float, rng: np.random.Generator) -> Mask:
    """Mark the rows of random groups until they make up a share of all rows."""
    order = rng.permutation(np.unique(labels))
    sizes = np.array([(labels == label).sum() for label in order])
    # the tolerance keeps a rounding error from adding one more group
    enough = int(np.searchsorted(np.cumsum(sizes), share * len(labels) - 1e-9)) + 1
    return np.isin(labels, order[:enough])
