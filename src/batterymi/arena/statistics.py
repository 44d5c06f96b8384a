"""Intervals over scenarios, and over seeds of an agent and scenarios together."""

import numpy as np
from numpy.typing import NDArray

from batterymi.statistics.intervals import compute_percentile_interval

Array = NDArray[np.float64]
Z95 = 1.959963985
N_BOOTSTRAPS = 2000


def compute_wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Compute the 95 % Wilson interval of a share (1927, doi:10.1080/01621459.1927.10502953).

    Args:
        share: of successes in n trials.
        n: trials, 1 or more.
    """
    # unlike the normal approximation, this interval does not vanish at shares of 0 and 1
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def compute_share_interval(broken: Array, seed: int = 0) -> tuple[float, float]:
    """Compute the 95 % interval of the share of charges that violate a limit.

    Seeds of an agent see the same scenarios, so n is the number of scenarios; where seeds differ, the bootstrap over
    both is wider and counts.

    Args:
        broken: 1 where a charge breaks a limit, shape (n_seeds, n_scenarios).
        seed: of the bootstrap.
    """
    low, high = compute_wilson_interval(float(broken.mean()), broken.shape[1])
    if broken.shape[0] == 1:
        return low, high
    again = resample_means(broken, seed)
    lower, upper = compute_percentile_interval(again)
    # seeds share the scenarios, so more of them may widen the interval but never narrow it
    return min(low, lower), max(high, upper)


def resample_means(values: Array, seed: int = 0) -> Array:
    """Return bootstrap means over seeds and scenarios, both drawn with replacement.

    Args:
        values: shape (n_seeds, n_scenarios); NaN is left out.
        seed: of the draws; the same seed draws the same scenarios, so that two controllers stay paired.

    Returns:
        Shape (N_BOOTSTRAPS,); NaN where nothing but that was drawn.
    """
    n_seeds, n_scenarios = values.shape
    scenarios = np.random.default_rng([seed, 0]).integers(n_scenarios, size=(N_BOOTSTRAPS, n_scenarios))
    seeds = np.random.default_rng([seed, 1]).integers(n_seeds, size=(N_BOOTSTRAPS, n_seeds))
    drawn = values[seeds[:, :, None], scenarios[:, None, :]]
    known = np.isfinite(drawn)
    count = known.sum(axis=(1, 2))
    total = np.where(known, drawn, 0.0).sum(axis=(1, 2))
    # a resample may consist of unfinished charges only, and then has no mean
    return np.divide(total, count, out=np.full(N_BOOTSTRAPS, np.nan), where=count > 0)


def compute_paired_difference(ours: Array, theirs: Array, seed: int = 0) -> tuple[float, float, float, int]:
    """Compute the mean paired difference over scenarios that all charges finished, with its 95 % interval.

    Args:
        ours: minutes, shape (n_seeds, n_scenarios); NaN where the charge was not finished.
        theirs: the same scenarios in the same order, any number of seeds.
        seed: of the bootstrap.

    Returns:
        Ours less theirs, its bounds, and the number of scenarios compared; NaN where that is below 2.
    """
    both = np.isfinite(ours).all(axis=0) & np.isfinite(theirs).all(axis=0)
    n = int(both.sum())
    if n < 2:
        return float("nan"), float("nan"), float("nan"), n
    mine, other = ours[:, both], theirs[:, both]
    # seeds of two agents are drawn independently, scenarios jointly
    drawn = resample_means(mine, seed) - _resample_second_means(other, seed)
    lower, upper = compute_percentile_interval(drawn)
    return float(mine.mean() - other.mean()), lower, upper, n


def _resample_second_means(values: Array, seed: int) -> Array:
    """Return bootstrap means as `resample_means` does, on the same scenarios and with other seeds."""
    n_seeds, n_scenarios = values.shape
    scenarios = np.random.default_rng([seed, 0]).integers(n_scenarios, size=(N_BOOTSTRAPS, n_scenarios))
    # another stream than in the first resampling, since the seeds of two agents are independent
    seeds = np.random.default_rng([seed, 2]).integers(n_seeds, size=(N_BOOTSTRAPS, n_seeds))
    return np.asarray(values[seeds[:, :, None], scenarios[:, None, :]].mean(axis=(1, 2)), float)
