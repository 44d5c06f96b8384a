"""Scores of held-out predictions, each with its interval over groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.statistics.intervals import (
    bootstrap_statistic,
    compute_percentile_interval,
    compute_q_squared,
    draw_bootstrap_rows,
)

Array = NDArray[np.float64]


def compute_scores(
    observed: Array, predicted: Array, groups: Sequence[object], bootstraps: int, seed: int
) -> dict[str, Any]:
    """Compute R², MAE, RMSE and rank correlation, the first two with 95 % intervals.

    Args:
        observed: shape (n,).
        predicted: held-out predictions, shape (n,).
        groups: one label per row; whole groups are resampled.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.

    Returns:
        Numbers by name.
    """
    draws = draw_bootstrap_rows(groups, bootstraps, seed)
    miss = np.abs(observed - predicted)
    r2 = compute_percentile_interval(bootstrap_statistic(compute_q_squared, draws, observed, predicted))
    mae = compute_percentile_interval(bootstrap_statistic(compute_mean, draws, miss))
    return {
        "rows": len(observed),
        "groups": len(set(map(str, groups))),
        "r2": float(compute_q_squared(observed, predicted)),
        "r2_lower": r2[0],
        "r2_upper": r2[1],
        "mae": float(miss.mean()),
        "mae_lower": mae[0],
        "mae_upper": mae[1],
        "rmse": float(np.sqrt(np.mean(miss**2))),
        "spearman": compute_spearman(observed, predicted),
    }


def compute_mean(values: Array) -> Array:
    """Compute the mean along the last axis."""
    return values.mean(axis=-1)


def compute_spearman(first: Array, second: Array) -> float:
    """Compute Spearman's rank correlation, NaN where one side does not vary."""
    from scipy.stats import rankdata

    ranks = rankdata(first), rankdata(second)
    # NumPy would warn and divide by a deviation of zero
    if min(np.ptp(rank) for rank in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def compute_paired_difference(
    first: Array, second: Array, groups: Sequence[object], bootstraps: int, seed: int
) -> dict[str, float]:
    """Compute the mean difference of two errors of the same rows, with its 95 % interval over groups.

    Args:
        first: errors, shape (n,).
        second: errors of the same rows, shape (n,).
        groups: one label per row.
        bootstraps: resamples.
        seed: of the resamples.

    Returns:
        `difference` (first minus second), `lower`, `upper`.
    """
    low, high = compute_percentile_interval(
        bootstrap_statistic(compute_mean, draw_bootstrap_rows(groups, bootstraps, seed), first - second)
    )
    return {"difference": float(np.mean(first - second)), "lower": low, "upper": high}
