"""Intervals over scenarios, and over seeds of an agent and scenarios together."""

import numpy as np
from numpy.typing import NDArray

from batterymi.statistics.intervals import interval

Array = NDArray[np.float64]
Z95 = 1.959963985
N_BOOTSTRAPS = 2000


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953); it does not vanish at 0 and 1.

    Args:
        share: of n trials.
        n: trials, 1 or more.
    """
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def share_interval(broken: Array, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the share of charges that break a limit.

    Seeds of an agent see the same scenarios, so n is the number of scenarios; where seeds differ, the bootstrap over
    both is wider and counts.

    Args:
        broken: 1 where a charge breaks a limit, shape (n_seeds, n_scenarios).
        seed: of the bootstrap.
    """
    low, high = wilson(float(broken.mean()), broken.shape[1])
    if broken.shape[0] == 1:
        return low, high
    again = resample(broken, seed)
    lower, upper = interval(again)
    return min(low, lower), max(high, upper)


def resample(values: Array, seed: int = 0) -> Array:
    """Means over seeds and scenarios drawn again with replacement, both.

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
    return np.divide(total, count, out=np.full(N_BOOTSTRAPS, np.nan), where=count > 0)


def paired_difference(ours: Array, theirs: Array, seed: int = 0) -> tuple[float, float, float, int]:
    """Mean difference over the scenarios that all charges of both finished, with its 95 % interval.

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
    # seeds of two agents are drawn apart, scenarios together
    drawn = resample(mine, seed) - _resample_others(other, seed)
    lower, upper = interval(drawn)
    return float(mine.mean() - other.mean()), lower, upper, n


def _resample_others(values: Array, seed: int) -> Array:
    """As `resample`, on the same scenarios and other seeds."""
    n_seeds, n_scenarios = values.shape
    scenarios = np.random.default_rng([seed, 0]).integers(n_scenarios, size=(N_BOOTSTRAPS, n_scenarios))
    seeds = np.random.default_rng([seed, 2]).integers(n_seeds, size=(N_BOOTSTRAPS, n_seeds))
    return np.asarray(values[seeds[:, :, None], scenarios[:, None, :]].mean(axis=(1, 2)), float)
