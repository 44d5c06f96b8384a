"""Learning curves: the error over the number of rows, and what twice as many would give."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.statistics.intervals import compute_percentile_interval, draw_bootstrap_rows
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
    misses, counts = [], []
    for share in SHARES:
        miss, n_rows = _measure_misses(name, validation, settings, share)
        if n_rows >= FEWEST_ROWS:
            misses.append(miss)
            counts.append(n_rows)
    draws = draw_bootstrap_rows(validation.problem.scored_groups, validation.bootstraps, validation.seed)
    # draws come as one matrix if every group is a single row, else as arrays of unequal length
    flat = [row for draw in draws for row in (draw if draw.ndim == 2 else [draw])]
    sampled = np.array([[miss[draw].mean() for miss in misses] for draw in flat])
    points = [
        {"rows": count, "mae": float(miss.mean()), "mae_lower": low, "mae_upper": high}
        for count, miss, (low, high) in zip(
            counts, misses, (compute_percentile_interval(one) for one in sampled.T), strict=True
        )
    ]
    if len(points) < 3:
        return {"points": points}
    exponent, doubled = _fit_power_law(counts, np.array([[miss.mean() for miss in misses]]))
    exponents, doubles = _fit_power_law(counts, sampled)
    change = doubles - sampled[:, -1]
    return {
        "points": points,
        "exponent": float(exponent[0]),
        "exponent_interval": list(compute_percentile_interval(exponents)),
        "doubled": {
            "rows": 2 * counts[-1],
            "mae": float(doubled[0]),
            "interval": list(compute_percentile_interval(doubles)),
            "change": float(doubled[0] - misses[-1].mean()),
            "change_interval": list(compute_percentile_interval(change)),
        },
    }


def _measure_misses(
    name: str, validation: CrossValidation, settings: Mapping[str, Any], share: float
) -> tuple[NDArray[np.float64], int]:
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


def _sample_groups(labels: NDArray[np.intp], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark the rows of random groups until they make up a share of all rows."""
    order = rng.permutation(np.unique(labels))
    sizes = np.array([(labels == label).sum() for label in order])
    # the tolerance keeps a rounding error from adding one more group
    enough = int(np.searchsorted(np.cumsum(sizes), share * len(labels) - 1e-9)) + 1
    return np.isin(labels, order[:enough])


def _fit_power_law(
    counts: Sequence[int], errors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit power laws through errors of shape (n, n_counts); return exponents and errors at twice the rows."""
    x = np.log(np.asarray(counts[-N_FITTED:], float))
    # an error of zero has no logarithm
    y = np.log(np.maximum(errors[:, -N_FITTED:], 1e-12))
    centred = x - x.mean()
    slope = (y * centred).sum(axis=1) / (centred**2).sum()
    # extrapolated from the last point, which is known, not from the fitted line
    return -slope, errors[:, -1] * 2.0**slope
