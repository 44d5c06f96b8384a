"""What an engine saves against random search on the way to one target, with an interval over seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batterymi.arrays import Array, Mask
from batterymi.optimise.campaigns.targets import Arrivals, Target
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.survival import compute_restricted_mean, find_median_time
from batterymi.vocabulary.verdicts import (
    AT_LEAST,
    AT_MOST,
    DEPENDS_ON_BUDGET,
    ESTIMATE,
    FEWER,
    MORE,
    NO_GAIN,
    NOT_REACHED,
    REACHED_BY_START,
    TOO_FEW,
    TOO_SMALL,
    UNDECIDED,
    WITHIN_BUDGET,
)

N_BOOTSTRAPS = 5000
FEWEST_SEEDS = 5  # an interval from fewer pairs is too narrow to decide anything
N_HALVINGS = 4  # of the budget, to see whether the sign of a comparison depends on it


def compare_at_target(
    target: Target, ours: Arrivals, random: Arrivals, until: float, seed: int, worthwhile: float = 0.0
) -> dict[str, Any]:
    """Compare the evaluations after the shared start with which an engine and random search reach a target.

    Where evaluations differ in cost, cost is counted instead, and another way to spend it may stand for random search.

    Campaigns whose start reached it already tell nothing and are only counted. Those that never reach it are censored,
    for both alike: means are then restricted to the budget, and the difference is a bound, or holds within the budget.

    Args:
        target: what is to be reached.
        ours: campaigns of the engine.
        random: campaigns of random search from the same starts, in the same order; or expectations for these starts.
        until: evaluations after the start that the budget allows, or their cost.
        seed: of the bootstrap over seeds, which are resampled as pairs, since both campaigns share their start.
        worthwhile: evaluations below which a gain does not matter.

    Returns:
        Numbers of both; `saved` and `ratio` (random search's mean over the engine's) with 95 % intervals, open ends
        None; `saved_is`: what kind of number that is; `gain`: its verdict.
    """
    is_open = ours.counts > 0
    part, baseline = ours.select(is_open), random.select(is_open)
    found = {
        **describe_target(target),
        "seeds": int(is_open.sum()),
        "reached_by_start": int((~is_open).sum()),
        "until": until,
        "engine": summarise_arrivals(part, until, seed),
        "random": summarise_arrivals(baseline, until, seed),
    }
    if not is_open.any():
        return found | _leave_open(REACHED_BY_START)
    if not part.is_reached.any() and not baseline.is_reached.any():
        return found | _leave_open(NOT_REACHED)
    kind = _name_bound(part.n_censored, baseline.n_censored)
    saved = _bootstrap_saved(part, baseline, until, seed)
    ratio = _bootstrap_ratio(part, baseline, until, seed)
    ends = {"saved": _open_ends(saved[1], kind), "ratio": _open_ends(ratio[1], kind)}
    return {
        **found,
        "saved_is": kind,
        **label_interval("saved", saved[0], ends["saved"]),
        **label_interval("ratio", ratio[0], ends["ratio"]),
        "seeds_ahead": int((_restrict(baseline, until) > _restrict(part, until)).sum()),
        "gain": _classify_gain(part, baseline, until, seed, kind, saved, worthwhile),
    }


def describe_target(target: Target) -> dict[str, Any]:
    """Return what a target is, as plain values."""
    return {
        "label": target.label,
        "share": target.share,
        "score": target.value,
        "needed": target.needed,
        "rows": target.n_best,
        "is_declared": target.is_declared,
    }


def summarise_arrivals(arrivals: Arrivals, until: float, seed: int) -> dict[str, Any]:
    """Return how many campaigns reached a target, with the median and the mean number of evaluations."""
    n = len(arrivals.counts)
    found: dict[str, Any] = {
        "reached": None if arrivals.is_exact else int(arrivals.is_reached.sum()),
        "censored": arrivals.n_censored,
        "is_exact": arrivals.is_exact,
        "median": None if arrivals.is_exact else find_median_time(arrivals.counts, arrivals.is_reached),
    }
    if n == 0:
        return found | label_interval("mean", None, (None, None))
    mean = _make_mean(arrivals, until)
    interval = bootstrap_interval((arrivals.counts, arrivals.is_reached), mean, seed, n_resamples=N_BOOTSTRAPS)
    ends = _open_ends(interval, AT_LEAST if arrivals.n_censored else ESTIMATE)
    return found | label_interval("mean", float(mean(arrivals.counts, arrivals.is_reached)), ends)


def _make_mean(arrivals: Arrivals, until: float) -> Any:
    """Return the mean that suits arrivals, along the last axis: of exact expectations plain, else restricted."""
    if arrivals.is_exact:
        return lambda counts, is_reached: counts.mean(axis=-1)
    return lambda counts, is_reached: compute_restricted_mean(counts, is_reached, until)


def _restrict(arrivals: Arrivals, until: float) -> Array:
    """Return the evaluations of each campaign, those that never reached the target counted as the whole budget."""
    return arrivals.counts if arrivals.is_exact else np.where(arrivals.is_reached, arrivals.counts, until)


def _bootstrap(columns: Sequence[Array | Mask], statistic: Any, seed: int) -> tuple[float, tuple[float, float]]:
    """Return a statistic of paired arrivals with its interval over seeds."""
    interval = bootstrap_interval(columns, statistic, seed, n_resamples=N_BOOTSTRAPS)
    return float(statistic(*columns)), interval


def _bootstrap_saved(ours: Arrivals, random: Arrivals, until: float, seed: int) -> tuple[float, tuple[float, float]]:
    """Return how many evaluations fewer the engine takes than random search, with the interval."""
    first, second = _make_mean(ours, until), _make_mean(random, until)
    columns = (ours.counts, ours.is_reached, random.counts, random.is_reached)
    return _bootstrap(columns, lambda a, b, c, d: np.asarray(second(c, d) - first(a, b)), seed)


def _bootstrap_ratio(ours: Arrivals, random: Arrivals, until: float, seed: int) -> tuple[float, tuple[float, float]]:
    """Return how many times as many evaluations random search takes, with the interval."""
    first, second = _make_mean(ours, until), _make_mean(random, until)
    columns = (ours.counts, ours.is_reached, random.counts, random.is_reached)
    return _bootstrap(columns, lambda a, b, c, d: np.asarray(second(c, d) / first(a, b)), seed)


def _name_bound(n_ours: int, n_random: int) -> str:
    """Name what kind of number a difference is, by how many campaigns of either are censored."""
    if n_ours and n_random:
        return WITHIN_BUDGET
    return AT_MOST if n_ours else AT_LEAST if n_random else ESTIMATE


def _open_ends(interval: tuple[float, float], kind: str) -> tuple[float | None, float | None]:
    """Return an interval with None at the end on which a bound says nothing."""
    return None if kind == AT_MOST else interval[0], None if kind == AT_LEAST else interval[1]


def _leave_open(gain: str) -> dict[str, Any]:
    """Return the entries of a comparison that cannot be made."""
    nothing = {**label_interval("saved", None, (None, None)), **label_interval("ratio", None, (None, None))}
    return {"saved_is": None, **nothing, "seeds_ahead": 0, "gain": gain}


def _classify_gain(
    ours: Arrivals,
    random: Arrivals,
    until: float,
    seed: int,
    kind: str,
    saved: tuple[float, tuple[float, float]],
    worthwhile: float,
) -> str:
    """Choose the verdict at one target; a gain whose interval includes zero is none."""
    middle, (low, high) = saved
    if len(ours.counts) < FEWEST_SEEDS:
        return TOO_FEW
    # a bound decides on one side only: what comes after the budget may turn the other one round
    if (kind == AT_LEAST and high < 0) or (kind == AT_MOST and low > 0):
        return DEPENDS_ON_BUDGET
    if kind == WITHIN_BUDGET and _changes_sign(ours, random, until, seed):
        return DEPENDS_ON_BUDGET
    # a side that is ahead may be so by a few early campaigns, if most of its others are censored
    sides = [ours] if low > 0 else [random] if high < 0 else [ours, random]
    if kind == WITHIN_BUDGET and all(find_median_time(one.counts, one.is_reached) is None for one in sides):
        return UNDECIDED
    if low > 0:
        # what is cut off by the budget may be any amount more
        return TOO_SMALL if middle < worthwhile and kind in (ESTIMATE, AT_MOST) else FEWER
    # a loss has to matter too
    return MORE if high < 0 and middle <= -worthwhile else NO_GAIN


def _changes_sign(ours: Arrivals, random: Arrivals, until: float, seed: int) -> bool:
    """Return whether the difference is above zero at one budget, and below at another."""
    signs = set()
    for halvings in range(N_HALVINGS + 1):
        _, (low, high) = _bootstrap_saved(ours, random, until / 2**halvings, seed)
        signs.add(1 if low > 0 else -1 if high < 0 else 0)
    return {1, -1} <= signs
