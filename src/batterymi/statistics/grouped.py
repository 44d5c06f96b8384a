"""Intervals of scores of held-out rows, which cover rows, groups and partitions into folds.

A score is the mean over several partitions of the groups into folds. Its 95 % interval starts from the bootstrap of
whole groups, on the scale of the statistic. That alone covers too seldom, since all errors of a cross-validation come
from models that share most of their training rows, and no resampling of errors shows how another table would have
changed these models (Bengio and Grandvalet 2004, jmlr.org/papers/v5/grandvalet04a.html). The variance between
partitions does show it, in part. A partition into K folds leaves each model 1 - 1/K of the groups, so from one
partition to the next a model exchanges a share 1/K of the rows that it could have learned from, where a new table
exchanges all of them: by the correction for sampling from a finite population, the variance between partitions is 1/K
of what the training rows contribute. So the variance of a score is

    variance over resamples * G / (G - 1)  +  (K + 1/P) * variance between partitions

for G groups and P partitions, with Student's t of as many degrees of freedom as both parts leave (Satterthwaite 1946,
doi:10.2307/3002019), and the quantiles of the bootstrap are stretched to it (Hesterberg 2015,
doi:10.1080/00031305.2015.1089789). A single partition leaves the second part out, and its interval is too narrow.
In simulations of grouped tables, where plain intervals of a single partition cover the expected score in 72 to 91 %,
these do in 92 to 97 % (tests/test_partitions.py, docs/decisions/0020).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from batterymi.statistics.intervals import LEVEL, compute_percentile_interval

Array = NDArray[np.float64]
Scale = Literal["plain", "positive", "r2", "share", "correlation"]
MOST_DRAWN = 4_000_000  # numbers of times that rows are drawn, which are held in memory at once
MOST_CORRELATED = 0.999  # in a resample
SMALLEST_SPREAD = 1e-12  # of a sum of squares, which rounding leaves of equal values
TAIL = 0.5 + LEVEL / 2


class Estimate(NamedTuple):
    """A score with the ends of its 95 % interval."""

    value: float
    lower: float
    upper: float

    @property
    def interval(self) -> tuple[float, float]:
        """Return both ends."""
        return self.lower, self.upper


class Statistic(ABC):
    """A score of rows, each of which counts several times or not at all.

    Attributes:
        scale: on which its bootstrap is closest to normal: "positive" numbers by their logarithm, "r2" by that of
            1 - R², a "correlation" by Fisher's transform, a "share" as it is but within 0 and 1, "plain" numbers as
            they are.
    """

    scale: Scale = "plain"

    @abstractmethod
    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return the score of weighted rows.

        Args:
            weights: how often each row counts, shape (n_sets, n).
            values: what the score is made from, each of shape (n,).

        Returns:
            Shape (n_sets,); NaN where the score is not defined.
        """

    def resample(self, draws: "GroupDraws", *values: Array) -> Array:
        """Return the score of each resample of groups, shape (n_resamples,)."""
        return np.concatenate([self.weigh(weights, *values) for weights in draws.iterate_weights()])


@dataclass(frozen=True)
class OfSums(Statistic):
    """A score that depends on sums over the rows alone, as a mean; far faster to resample.

    Attributes:
        list_terms: returns what is summed, each of shape (n,), from the values.
        combine: returns the score, shape (...), from the number of rows and the sums, each of shape (...).
        scale: see `Statistic`.
    """

    list_terms: Callable[..., Sequence[Array]]
    combine: Callable[..., Array]
    scale: Scale = "plain"

    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return the score of weighted rows, shape (n_sets,)."""
        terms = np.stack(self.list_terms(*values), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.combine(weights.sum(axis=1), *(weights @ terms).T), dtype=float)

    def resample(self, draws: "GroupDraws", *values: Array) -> Array:
        """Return the score of each resample of groups, shape (n_resamples,)."""
        terms = np.stack([np.ones(len(draws.codes)), *self.list_terms(*values)])
        # a group is drawn as a whole, so its sums are all that a resample needs
        sums = np.stack([np.bincount(draws.codes, term, draws.n_groups) for term in terms], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = [self.combine(*(counts @ sums).T) for counts in draws.iterate_counts()]
        return np.concatenate([np.asarray(part, dtype=float) for part in found])


class GroupDraws:
    """How often each group is drawn in resamples of all groups with replacement.

    Attributes:
        codes: number of the group of each row, shape (n,).
        n_groups: how many there are.
    """

    def __init__(self, labels: Sequence[str], n_resamples: int, seed: int) -> None:
        """Number the groups in order of their labels.

        Equal seeds draw equal groups, so that comparisons stay paired.
        """
        names, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
        self.codes, self.n_groups = codes, len(names)
        self._n_resamples, self._seed = n_resamples, seed
        self._kept: list[Array] = []

    def iterate_counts(self) -> Iterator[Array]:
        """Yield how often each group is drawn, each of shape (some resamples, n_groups)."""
        yield from self._kept or self._draw()

    def iterate_weights(self) -> Iterator[Array]:
        """Yield how often each row is drawn, each of shape (some resamples, n)."""
        for counts in self.iterate_counts():
            size = max(1, MOST_DRAWN // len(self.codes))
            for start in range(0, len(counts), size):
                yield counts[start : start + size, self.codes]

    def _draw(self) -> Iterator[Array]:
        """Draw, in chunks that fit into memory; what fits as a whole is kept for the next statistic."""
        rng, n = np.random.default_rng(self._seed), self.n_groups
        size = max(1, MOST_DRAWN // n)
        for start in range(0, self._n_resamples, size):
            drawn = rng.multinomial(n, np.full(n, 1 / n), size=min(size, self._n_resamples - start)).astype(float)
            if size >= self._n_resamples:
                self._kept = [drawn]
            yield drawn


def draw_groups(groups: Sequence[object], n_resamples: int, seed: int) -> GroupDraws:
    """Return resamples of the groups of some rows; the same object for the same groups, which saves drawing again."""
    return _draw_labels(tuple(map(str, groups)), n_resamples, seed)


@lru_cache(maxsize=8)
def _draw_labels(labels: tuple[str, ...], n_resamples: int, seed: int) -> GroupDraws:
    """Return resamples of groups, by the labels of all rows."""
    return GroupDraws(labels, n_resamples, seed)


def estimate(statistic: Statistic, draws: GroupDraws, *values: Array, folds: int = 1) -> Estimate:
    """Return the mean score over partitions, with its 95 % interval.

    Args:
        statistic: the score.
        draws: resamples of the groups of the rows.
        values: what the score is made from: each of shape (n,), or (n_partitions, n) where it differs between
            partitions into folds.
        folds: of each partition; not needed of a single one.

    Returns:
        The score; NaN where it is not defined. The interval of a single group is its own score.
    """
    parts = max(len(value) if value.ndim == 2 else 1 for value in values)
    by_part = [[value[part] if value.ndim == 2 else value for value in values] for part in range(parts)]
    whole = np.ones((1, len(draws.codes)))
    scores = np.array([statistic.weigh(whole, *part)[0] for part in by_part])
    if draws.n_groups == 1:
        middle = float(scores.mean())
        return Estimate(middle, middle, middle)
    resampled = np.mean([statistic.resample(draws, *part) for part in by_part], axis=0)
    return Estimate(float(scores.mean()), *stretch_interval(resampled, scores, draws.n_groups, folds, statistic.scale))


def stretch_interval(
    resampled: Array, by_partition: Array, n_groups: int, folds: int, scale: Scale
) -> tuple[float, float]:
    """Return the 95 % interval of a mean score over partitions.

    Args:
        resampled: mean score over the partitions in each resample of groups, shape (n_resamples,); NaN is left out.
        by_partition: score of each partition, shape (n_partitions,).
        n_groups: groups that are drawn.
        folds: of each partition.
        scale: see `Statistic`.
    """
    drawn = resampled[np.isfinite(resampled)]
    if scale == "correlation":
        # resamples of few rows may agree perfectly, which has no finite transform
        drawn = np.clip(drawn, -MOST_CORRELATED, MOST_CORRELATED)
    drawn = _to_scale(drawn, scale)
    scores = _to_scale(by_partition, scale)
    is_correlation = scale == "correlation"
    if not (np.isfinite(drawn).all() and np.isfinite(scores).all()):
        # an error of exactly zero has no logarithm
        drawn, scores, scale = resampled[np.isfinite(resampled)], by_partition, "plain"
    if not drawn.size or not np.isfinite(scores).all():
        return float("nan"), float("nan")
    middle, n_parts = float(scores.mean()), len(scores)
    of_groups = float(drawn.var()) * n_groups / (n_groups - 1)
    of_parts = (folds + 1 / n_parts) * float(scores.var(ddof=1)) if n_parts > 1 else 0.0
    if of_groups + of_parts <= 0:
        return float(by_partition.mean()), float(by_partition.mean())
    freedom = (of_groups + of_parts) ** 2 / (of_groups**2 / (n_groups - 1) + of_parts**2 / max(n_parts - 1, 1))
    half = float(stats.t.ppf(TAIL, freedom)) * np.sqrt(of_groups + of_parts)
    # of very few groups, more degrees of freedom would outweigh the variance that comes with them
    half = max(half, float(stats.t.ppf(TAIL, n_groups - 1)) * np.sqrt(of_groups))
    deviation = float(drawn.std())
    low, high = -half, half
    if deviation > 0:
        # as skewed as the bootstrap; its own shift is left out
        ends = np.array(compute_percentile_interval(drawn)) - np.median(drawn)
        low, high = ends * half / (float(stats.norm.ppf(TAIL)) * deviation)
    first, second = _from_scale(np.array([middle + low, middle + high]), scale)
    if is_correlation:
        first, second = np.clip([first, second], -1, 1)
    return float(min(first, second)), float(max(first, second))


def _to_scale(values: Array, scale: Scale) -> Array:
    """Return values on the scale on which they are resampled."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "positive":
            return np.log(values)
        if scale == "r2":
            return np.log(1 - values)
        return np.arctanh(values) if scale == "correlation" else values


def _from_scale(values: Array, scale: Scale) -> Array:
    """Return values from that scale."""
    if scale == "positive":
        return np.exp(values)
    if scale == "r2":
        return 1 - np.exp(values)
    if scale == "correlation":
        return np.tanh(values)
    return np.clip(values, 0, 1) if scale == "share" else values
