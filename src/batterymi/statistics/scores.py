"""Scores of held-out predictions, each with its interval over groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.statistics.intervals import interval, q_squared, resampled, resamples

Array = NDArray[np.float64]


def scores(observed: Array, predicted: Array, groups: Sequence[object], bootstraps: int, seed: int) -> dict[str, Any]:
    """R², mean absolute error, root mean square error and rank correlation, the first two with 95 % intervals.

    Args:
        observed: shape (n,).
        predicted: held-out predictions, shape (n,).
        groups: one label per row; whole groups are resampled.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.

    Returns:
        Numbers by name.
    """
    draws = resamples(groups, bootstraps, seed)
    miss = np.abs(observed - predicted)
    r2 = interval(resampled(q_squared, draws, observed, predicted))
    mae = interval(resampled(mean, draws, miss))
    return {
        "rows": len(observed),
        "groups": len(set(map(str, groups))),
        "r2": float(q_squared(observed, predicted)),
        "r2_lower": r2[0],
        "r2_upper": r2[1],
        "mae": float(miss.mean()),
        "mae_lower": mae[0],
        "mae_upper": mae[1],
        "rmse": float(np.sqrt(np.mean(miss**2))),
        "spearman": spearman(observed, predicted),
    }


def mean(values: Array) -> Array:
    """Mean along the last axis."""
    return values.mean(axis=-1)


def spearman(first: Array, second: Array) -> float:
    """Rank correlation; not-a-number where one side does not vary."""
    from scipy.stats import rankdata

    ranks = rankdata(first), rankdata(second)
    if min(np.ptp(rank) for rank in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def paired_difference(
    first: Array, second: Array, groups: Sequence[object], bootstraps: int, seed: int
) -> dict[str, float]:
    """Mean difference of two errors of the same rows, with its 95 % interval over groups.

    Args:
        first: errors, shape (n,).
        second: errors of the same rows, shape (n,).
        groups: one label per row.
        bootstraps: resamples.
        seed: of the resamples.

    Returns:
        `difference` (first minus second), `lower`, `upper`.
    """
    low, high = interval(resampled(mean, resamples(groups, bootstraps, seed), first - second))
    return {"difference": float(np.mean(first - second)), "lower": low, "upper": high}
