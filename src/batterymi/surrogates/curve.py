"""Learning curves: the error over the number of rows, and what twice as many would give."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.statistics.grouped import OfSums
from batterymi.statistics.labels import label_interval
from batterymi.surrogates.validation import CrossValidation, predict_rows

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
            interval = validation.estimate(ABSOLUTE, miss).interval
            points.append({"rows": n_rows, **label_interval("mae", float(miss.mean()), interval)})
    if len(points) < 3:
        return {"points": points}
    counts_fitted, last = tuple(counts[-N_FITTED:]), misses[-N_FITTED:]
    law = {name: validation.estimate(statistic, *last) for name, statistic in make_power_law(counts_fitted).items()}
    return {
        "points": points,
        "exponent": law["exponent"].value,
        "exponent_interval": list(law["exponent"].interval),
        "doubled": {
            "rows": 2 * counts[-1],
            "mae": law["doubled"].value,
            "interval": list(law["doubled"].interval),
            "change": law["change"].value,
            "change_interval": list(law["change"].interval),
        },
    }


def make_power_law(counts: tuple[int, ...]) -> dict[str, OfSums]:
    """Return what a power law through mean errors at some numbers of rows says, as statistics of errors of rows.

    Args:
        counts: numbers of rows; each statistic takes errors of rows, an array per number.

    Returns:
        `exponent` by which the mean error falls; `doubled`, the mean error at twice the rows, extrapolated from the
        last point, which is known; and `change` from there to it.
    """
    x = np.log(np.asarray(counts, float))
    centred = x - x.mean()

    def find_exponent(count: Array, *totals: Array) -> Array:
        # an error of zero has no logarithm
        y = np.log(np.maximum(np.stack([total / count for total in totals], axis=-1), 1e-12))
        return np.asarray(-(y * centred).sum(axis=-1) / (centred**2).sum())

    def double(count: Array, *totals: Array) -> Array:
        return np.asarray(totals[-1] / count * 2.0 ** -find_exponent(count, *totals))

    def find_change(count: Array, *totals: Array) -> Array:
        return double(count, *totals) - totals[-1] / count

    return {
        "exponent": OfSums(_take_as_they_are, find_exponent),
        "doubled": OfSums(_take_as_they_are, double, "positive"),
        "change": OfSums(_take_as_they_are, find_change),
    }


def _take_as_they_are(*values: Array) -> Sequence[Array]:
    """Return the values themselves, to be summed."""
    return values


ABSOLUTE = OfSums(_take_as_they_are, lambda count, total: total / count, "positive")  # the mean of absolute errors


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
            mean, _ = predict_rows(name, problem, rows, test, validation.method, seed, settings)
            total[test] += np.abs(problem.observed[test] - mean)
            sizes.append(int(kept.sum()))
    return total / n_draws, round(float(np.mean(sizes)))


def _sample_groups(labels: Indices, share: float, rng: np.random.Generator) -> Mask:
    """Mark the rows of random groups until they make up a share of all rows."""
    order = rng.permutation(np.unique(labels))
    sizes = np.array([(labels == label).sum() for label in order])
    # the tolerance keeps a rounding error from adding one more group
    enough = int(np.searchsorted(np.cumsum(sizes), share * len(labels) - 1e-9)) + 1
    return np.isin(labels, order[:enough])
