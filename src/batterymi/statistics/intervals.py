"""Prediction intervals from errors on held-out rows, and intervals of shares and of resampled values."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEVEL = 0.95
LEVELS = (0.5, 0.8, 0.95)
NORMAL_95 = 1.96  # standard deviations on either side that hold 95 % of a normal distribution


def compute_error_scale(observed: Array, predicted: Array, spread: Array) -> float:
    """Compute the root mean square of scaled held-out errors, which turns a spread into a standard error.

    Args:
        observed: shape (n,).
        predicted: out-of-fold predictions, shape (n,).
        spread: local spreads of the predictions, shape (n,).

    Returns:
        A number ≥ 0.
    """
    return float(np.sqrt(np.mean(((observed - predicted) / spread) ** 2)))


def compute_half_widths(observed: Array, predicted: Array, spread: Array, level: float = LEVEL) -> Array:
    """Compute the half width of each held-out row's interval from the errors of the other rows.

    Leaving the row's own error out keeps the coverage unbiased: an interval that was computed from the error it is
    checked against covers too well.

    Args:
        observed: shape (n,).
        predicted: out-of-fold predictions, shape (n,).
        spread: local spreads of the predictions, shape (n,).
        level: probability that the interval is meant to hold.

    Returns:
        Half widths, shape (n,), by Student's t with n - 2 degrees of freedom.
    """
    squared = ((observed - predicted) / spread) ** 2
    n = len(squared)
    variance_of_rest = (squared.sum() - squared) / (n - 1)
    return compute_t_factor(n - 1, level) * np.sqrt(variance_of_rest) * spread


def compute_t_factor(n: int, level: float = LEVEL) -> float:
    """Return Student's t for a two-sided interval from n errors."""
    # Student's t needs at least one degree of freedom
    from scipy import stats

    return float(stats.t.ppf(0.5 + level / 2, max(n - 1, 1)))


def compute_q_squared(observed: Array, predicted: Array) -> Array:
    """Compute the cross-validated R²: 1 - squared held-out errors / squares about the mean, as sums.

    Works along the last axis, so that many resamples are scored at once.

    Args:
        observed: shape (..., n).
        predicted: out-of-fold predictions, shape (..., n).

    Returns:
        Shape (...); NaN where the observed values do not vary.
    """
    total = ((observed - observed.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    error = ((observed - predicted) ** 2).sum(axis=-1)
    # a resample of equal values has no R²; intervals leave NaN out
    return 1 - error / np.where(total > 0, total, np.nan)


def compute_percentile_interval(values: Array, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of resampled values, (nan, nan) if none is finite."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def compute_wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Compute the 95 % Wilson interval of a share (1927, doi:10.1080/01621459.1927.10502953).

    A mean share over repeats may lie between two counts; its interval then lies between theirs.

    Args:
        share: of successes in n trials.
        n: trials, 1 or more.
    """
    from scipy import stats

    count = share * n
    # unlike the normal approximation, this interval does not vanish at shares of 0 and 1
    around = [math.floor(count + 1e-9), math.ceil(count - 1e-9)]
    low, high = zip(
        *(stats.binomtest(successes, n).proportion_ci(LEVEL, "wilson") for successes in around), strict=True
    )
    return float(np.interp(count, around, low)), float(np.interp(count, around, high))


def compute_conformal_factor(scores: Array, level: float) -> float:
    """Compute the factor that turns a spread into the half width of a conformal interval.

    The scores are held-out errors over their spreads. Their quantile at (n + 1) level / n covers a new row of the same
    kind with at least that probability, whatever the distribution (Lei et al. 2018, doi:10.1080/01621459.2017.1307116).

    Args:
        scores: |observed - predicted| / spread of rows held out, shape (n,).
        level: probability that the interval is meant to hold.

    Returns:
        The factor; the largest score where n is too small for the level.
    """
    n = len(scores)
    # without the tolerance a rounding error would take the next rank
    rank = min(n, int(np.ceil((n + 1) * level - 1e-9)))
    # an order statistic: interpolation between scores would lose the coverage guarantee
    return float(np.partition(scores, rank - 1)[rank - 1])
