"""Intervals over scenarios, and over seeds of an agent and scenarios together."""

import numpy as np

from batterymi.arrays import Array
from batterymi.statistics.bootstrap import resample_crossed_means
from batterymi.statistics.intervals import compute_percentile_interval, compute_wilson_interval


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
    again = resample_crossed_means(broken, seed)
    lower, upper = compute_percentile_interval(again)
    # seeds share the scenarios, so more of them may widen the interval but never narrow it
    return min(low, lower), max(high, upper)


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
    our_minutes, their_minutes = ours[:, both], theirs[:, both]
    # seeds of two agents are drawn independently, scenarios jointly
    drawn = resample_crossed_means(our_minutes, seed) - resample_crossed_means(their_minutes, seed, stream=2)
    lower, upper = compute_percentile_interval(drawn)
    return float(our_minutes.mean() - their_minutes.mean()), lower, upper, n
