"""Scores of held-out predictions, each with its interval over groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.intervals import compute_q_squared

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
    miss = np.abs(observed - predicted)
    r2 = bootstrap_interval((observed, predicted), compute_q_squared, seed, groups, bootstraps)
    mae = bootstrap_interval(miss, compute_mean, seed, groups, bootstraps)
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
    # SciPy would warn
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)


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
    low, high = bootstrap_interval(first - second, compute_mean, seed, groups, bootstraps)
    return {"difference": float(np.mean(first - second)), "lower": low, "upper": high}
