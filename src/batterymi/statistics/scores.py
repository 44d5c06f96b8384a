"""Scores of held-out predictions, each with its interval over groups and partitions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from batterymi.statistics.grouped import SMALLEST_SPREAD, Estimate, OfSums, Statistic, draw_groups, estimate
from batterymi.statistics.labels import label_interval

Array = NDArray[np.float64]


def compute_mean(values: Array) -> Array:
    """Compute the mean along the last axis."""
    return values.mean(axis=-1)


def combine_r2(count: Array, error: Array, total: Array, square: Array) -> Array:
    """Return R² from sums of squared errors, of observations and of their squares."""
    spread = square - total**2 / count
    # a resample of equal values has no R²; rounding leaves a little of a spread of zero
    return 1 - error / np.where(spread > SMALLEST_SPREAD * square, spread, np.nan)


MEAN = OfSums(lambda value: (value,), lambda count, total: total / count)  # of numbers of either sign, as gains
SHARE = OfSums(lambda value: (value,), lambda count, total: total / count, "share")  # of rows, marked by 1
MAE = OfSums(lambda seen, said: (np.abs(seen - said),), lambda count, total: total / count, "positive")
RMSE = OfSums(lambda seen, said: ((seen - said) ** 2,), lambda count, total: np.sqrt(total / count), "positive")
R2 = OfSums(lambda seen, said: ((seen - said) ** 2, seen - seen.mean(), (seen - seen.mean()) ** 2), combine_r2, "r2")


class RankCorrelation(Statistic):
    """Spearman's rank correlation of observations and predictions."""

    scale = "correlation"

    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return it for weighted rows, shape (n_sets,); NaN where one side does not vary."""
        total = weights.sum(axis=1, keepdims=True)
        ranks = [rank_weighted(weights, value) - (total + 1) / 2 for value in values]
        first, second = ((weights * rank**2).sum(axis=1) for rank in ranks)
        product = (weights * ranks[0] * ranks[1]).sum(axis=1)
        scale = np.sqrt(first * second)
        return np.divide(product, scale, out=np.full(len(scale), np.nan), where=scale > 1e-9)


SPEARMAN = RankCorrelation()


def rank_weighted(weights: Array, values: Array) -> Array:
    """Return the rank of each row, equal values sharing their mean rank, where rows count several times.

    Args:
        weights: how often each row counts, shape (n_sets, n).
        values: shape (n,).

    Returns:
        Shape (n_sets, n), from 1.
    """
    _, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray((np.cumsum(tied, axis=1) - tied + (tied + 1) / 2)[:, codes])


def compute_scores(
    observed: Array, predicted: Array, groups: Sequence[object], bootstraps: int, seed: int, folds: int = 1
) -> dict[str, Any]:
    """Compute R², MAE, RMSE and rank correlation, with 95 % intervals of all but the third.

    Args:
        observed: shape (n,).
        predicted: held-out predictions, shape (n,), or (n_partitions, n) by several partitions into folds.
        groups: one label per row; whole groups are resampled.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.
        folds: of each partition.

    Returns:
        Numbers by name; see `estimate`.
    """
    draws = draw_groups(groups, bootstraps, seed)
    found: dict[str, Any] = {
        "rows": len(observed),
        "groups": draws.n_groups,
        "partitions": len(predicted) if predicted.ndim == 2 else 1,
    }
    for name, statistic in (("r2", R2), ("mae", MAE), ("spearman", SPEARMAN)):
        score = estimate(statistic, draws, observed, predicted, folds=folds)
        found |= label_interval(name, score.value, score.interval)
    miss = np.atleast_2d(predicted) - observed
    return found | {"rmse": float(np.sqrt(np.mean(miss**2, axis=1)).mean())}


def compute_spearman(first: Array, second: Array) -> float:
    """Compute Spearman's rank correlation, NaN where one side does not vary."""
    # SciPy would warn
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)


def compute_paired_difference(
    first: Array, second: Array, groups: Sequence[object], bootstraps: int, seed: int, folds: int = 1
) -> dict[str, float]:
    """Compute the mean difference of two errors of the same rows, with its 95 % interval over groups and partitions.

    Args:
        first: errors, shape (n,), or (n_partitions, n) by several partitions into folds.
        second: errors of the same rows, likewise.
        groups: one label per row.
        bootstraps: resamples.
        seed: of the resamples.
        folds: of each partition.

    Returns:
        `difference` (first minus second), `lower`, `upper`.
    """
    found: Estimate = estimate(MEAN, draw_groups(groups, bootstraps, seed), first - second, folds=folds)
    return {"difference": found.value, "lower": found.lower, "upper": found.upper}
