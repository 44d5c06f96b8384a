"""Conditions on descriptors that good rows share: found by a greedy search, judged on rows that it did not see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from batterymi.arrays import Array, Mask
from batterymi.statistics.bootstrap import bootstrap_interval

N_LEVELS = 19  # thresholds tried per descriptor: its 5 % quantiles
N_PARTITIONS = 5
N_FOLDS = 5


@dataclass(frozen=True)
class Bound:
    """A bound on one descriptor.

    Attributes:
        name: the descriptor.
        is_lower: whether values must be at least the threshold, else at most.
        threshold: in the descriptor's unit.
    """

    name: str
    is_lower: bool
    threshold: float

    @property
    def text(self) -> str:
        """The bound in words."""
        return f"{self.name} {'at least' if self.is_lower else 'at most'} {self.threshold:.3g}"

    def is_met(self, frame: pd.DataFrame) -> Mask:
        """Return which rows meet it, shape (n_rows,); NaN never does."""
        values = frame[self.name].to_numpy(float)
        return values >= self.threshold if self.is_lower else values <= self.threshold


def find_bounds(frame: pd.DataFrame, is_good: Mask, n_bounds: int) -> list[Bound]:
    """Find bounds on different descriptors that good rows meet and other rows do not.

    Each step adds the bound that raises Youden's index (the share of good rows that meet all bounds, minus that of the
    others; doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3) most; none is added that lowers it.

    Args:
        frame: descriptors, shape (n_rows, n_columns).
        is_good: shape (n_rows,).
        n_bounds: at most so many.
    """
    kept, found, best = np.ones(len(frame), dtype=bool), list[Bound](), 0.0
    candidates = [
        bound
        for name in frame.columns
        for threshold in np.unique(np.nanquantile(frame[name], np.linspace(0, 1, N_LEVELS + 2)[1:-1]))
        for bound in (Bound(str(name), True, float(threshold)), Bound(str(name), False, float(threshold)))
    ]
    met = np.stack([bound.is_met(frame) for bound in candidates])
    for _ in range(n_bounds):
        used = {bound.name for bound in found}
        both = met & kept
        index = both[:, is_good].mean(axis=1) - both[:, ~is_good].mean(axis=1)
        index[[bound.name in used for bound in candidates]] = -np.inf
        place = int(np.argmax(index))
        if index[place] <= best:
            break
        best, kept = float(index[place]), both[place]
        found.append(candidates[place])
    return found


def validate_bounds(
    frame: pd.DataFrame, is_good: Mask, groups: Sequence[object], n_bounds: int, seed: int
) -> dict[str, Any]:
    """Search for bounds on all rows, and measure on held-out groups what such bounds are worth.

    Args:
        frame: descriptors, shape (n_rows, n_columns).
        is_good: shape (n_rows,).
        groups: one label per row; equal labels never straddle training and test.
        n_bounds: at most so many.
        seed: of the partitions and the bootstrap.

    Returns:
        `bounds` of all rows; `base_rate`; `precision` (share of good rows among those that meet the bounds), `recall`
        (share of the good rows that do) and `lift` (precision over the base rate) of bounds found without the tested
        groups, over 5 partitions of 5 folds, with 95 % intervals over groups; `chosen`, in how many of the 25 searches
        each descriptor was chosen.
    """
    met = np.zeros((N_PARTITIONS, len(frame)))
    chosen: dict[str, int] = {}
    for partition in range(N_PARTITIONS):
        folds = GroupKFold(N_FOLDS, shuffle=True, random_state=seed + partition)
        for train, test in folds.split(frame, groups=np.asarray(groups, dtype=str)):
            bounds = find_bounds(frame.iloc[train], is_good[train], n_bounds)
            for bound in bounds:
                chosen[bound.name] = chosen.get(bound.name, 0) + 1
            tests = frame.iloc[test]
            met[partition, test] = np.all([bound.is_met(tests) for bound in bounds], axis=0)
    share, good = met.mean(axis=0), is_good.astype(float)
    scores: dict[str, float | list[float]] = {"base_rate": float(good.mean())}
    for name, statistic, columns in (
        ("precision", _weigh, (good, share)),
        ("recall", _weigh, (share, good)),
        ("lift", _compute_lift, (good, share)),
    ):
        scores[name] = float(statistic(*columns))
        scores[f"{name}_interval"] = list(bootstrap_interval(columns, statistic, seed, list(groups)))
    bounds = find_bounds(frame, is_good, n_bounds)
    ordered = dict(sorted(chosen.items(), key=lambda item: -item[1]))
    return {"bounds": [bound.text for bound in bounds], "rows": len(frame), **scores, "chosen": ordered}


def _weigh(values: Array, weights: Array) -> Array:
    """Return the weighted mean along the last axis."""
    return np.asarray((values * weights).sum(axis=-1) / weights.sum(axis=-1))


def _compute_lift(good: Array, share: Array) -> Array:
    """Return the precision over the base rate, along the last axis."""
    return np.asarray(_weigh(good, share) / good.mean(axis=-1))
