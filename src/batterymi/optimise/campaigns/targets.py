"""Targets of campaigns, fixed before any of them runs, and the evaluations after the shared start that reach them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.optimise.campaigns.attainable import Attainable
from batterymi.vocabulary.targets import DECLARED_RANGE_SHARE, RANGE_SHARES

TOLERANCE = 1e-9  # relative; rounding must not decide whether a tie counts as reached


@dataclass(frozen=True)
class Target:
    """Something that a campaign may find.

    Attributes:
        label: what tables and messages call it.
        share: of the attainable range, or of the rows of a pool.
        value: the score that counts, smaller is better.
        is_declared: whether verdicts rest on it.
        needed: how many designs of that score are to be found.
        n_best: how many there are in a pool; None where designs are not listed.
    """

    label: str
    share: float
    value: float
    is_declared: bool
    needed: int = 1
    n_best: int | None = None

    def is_met(self, scores: Array) -> Mask:
        """Return which scores are at least as good."""
        return scores <= self.value + TOLERANCE * max(1.0, abs(self.value))


@dataclass(frozen=True)
class Arrivals:
    """When campaigns reached a target, counted after their shared start.

    Attributes:
        counts: evaluations until then, or all that were made, shape (n_campaigns,); 0 where the start reached it.
        is_reached: shape (n_campaigns,).
        is_exact: whether the counts are expectations over all orders, not those of single campaigns.
    """

    counts: Array
    is_reached: Mask
    is_exact: bool = False

    @property
    def n_censored(self) -> int:
        """Return how many campaigns ended before they reached it."""
        return int((~self.is_reached).sum())

    def select(self, chosen: Mask) -> "Arrivals":
        """Return some of the campaigns."""
        return Arrivals(self.counts[chosen], self.is_reached[chosen], self.is_exact)


def make_range_targets(attainable: Attainable) -> list[Target]:
    """Return targets at shares of the attainable range; none where it is empty."""
    if not attainable.best < attainable.typical:
        return []
    return [
        Target(
            f"{share:.0%} of the attainable range", share, attainable.find_value(share), share == DECLARED_RANGE_SHARE
        )
        for share in RANGE_SHARES
    ]


def find_arrivals(history: pd.DataFrame, engine: str, target: Target, initial: int) -> Arrivals:
    """Find when the campaigns of an engine reached a target.

    Args:
        history: campaigns, with columns engine, seed, evaluation, and `best_so_far`; with `score` where several
            designs are to be found.
        engine: name of the engine.
        target: what is to be reached.
        initial: evaluations of the shared start.

    Returns:
        One entry per seed, in increasing order.
    """
    counts, reached = [], []
    part = history[history["engine"] == engine]
    for _, run in part.sort_values("evaluation").groupby("seed", sort=True):
        if target.needed == 1:
            found = target.is_met(run["best_so_far"].to_numpy(float))
        else:
            found = target.is_met(run["score"].to_numpy(float)).cumsum() >= target.needed
        reached.append(bool(found.any()))
        counts.append((int(found.argmax()) + 1 if found.any() else len(run)) - initial)
    return Arrivals(np.maximum(np.array(counts, float), 0.0), np.array(reached, dtype=bool))
