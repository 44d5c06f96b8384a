"""Times until something is reached, where some runs end before: Kaplan-Meier and the restricted mean.

A run that never reaches a target within its budget is censored: its time is at least what it spent. Leaving such runs
out, or counting them as budget + 1, answers another question, and differently for every budget.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def compute_restricted_mean(times: Array, is_reached: Mask, until: float) -> Array:
    """Compute the mean time up to a limit: the area under the Kaplan-Meier curve from 0 to the limit.

    Where nothing is censored before the limit, it is the mean of the smaller of time and limit (Royston and Parmar
    2013, doi:10.1186/1471-2288-13-152). It is at most the mean time, and equal to it where all are reached by then.

    Args:
        times: until the event or the end of observation, above 0, shape (..., n).
        is_reached: whether the event was observed, shape (..., n).
        until: the limit.

    Returns:
        Shape (...).
    """
    surviving, area, before = np.ones(times.shape[:-1]), np.zeros(times.shape[:-1]), 0.0
    for time in np.unique(times[is_reached & (times < until)]):
        area = area + surviving * (time - before)
        n_at_risk = (times >= time).sum(axis=-1)
        n_events = ((times == time) & is_reached).sum(axis=-1)
        # a resample may hold no run that is still under observation
        surviving = surviving * (1 - n_events / np.maximum(n_at_risk, 1))
        before = float(time)
    return np.asarray(area + surviving * (until - before))


def find_median_time(times: Array, is_reached: Mask) -> float | None:
    """Return the first time by which half of the runs have reached it, by Kaplan-Meier; None if fewer ever do.

    Args:
        times: shape (n,).
        is_reached: shape (n,).
    """
    if not is_reached.any():
        return None
    survival = stats.ecdf(stats.CensoredData(uncensored=times[is_reached], right=times[~is_reached])).sf
    # rounding in the product of shares must not decide at exactly one half
    below = survival.quantiles[survival.probabilities <= 0.5 + 1e-12]
    return float(below[0]) if len(below) else None
