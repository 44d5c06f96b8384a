"""Scores of what models are used for: to rank, and to say how likely a value beyond a threshold is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask, Sides
from batterymi.config.parts import Objective
from batterymi.statistics.grouped import OfSums, Statistic, draw_groups, estimate
from batterymi.statistics.intervals import compute_wilson_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import SPEARMAN, rank_weighted
from batterymi.surrogates.validation import CrossValidation, OutOfFold

FIRST = (10, 20)  # of a ranking, which would be measured
FEWEST_OF_FAMILY = 10  # rows from which a family is ranked by itself


class AreaUnderCurve(Statistic):
    """The probability that a row beyond the threshold is ranked before one that is not (area under the ROC curve)."""

    scale = "share"

    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return it for weighted rows, from marks of 0 and 1 and a score that is larger for those marked."""
        marked, score = values
        own = weights * marked
        n_marked, n_rest = own.sum(axis=1), (weights * (1 - marked)).sum(axis=1)
        # Mann and Whitney's statistic; equal scores count by half
        wins = (own * rank_weighted(weights, score)).sum(axis=1) - n_marked * (n_marked + 1) / 2
        pairs = n_marked * n_rest
        return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


@dataclass(frozen=True)
class PrecisionAmongFirst(Statistic):
    """The share of the first rows of a ranking that lie beyond the threshold.

    Attributes:
        n: how many are the first.
    """

    n: int
    scale = "share"

    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return it for weighted rows, from marks of 0 and 1 and a score; NaN if there are fewer rows."""
        marked, score = values
        order = np.argsort(-score, kind="stable")
        taken = np.minimum(np.cumsum(weights[:, order], axis=1), self.n)
        found = (np.diff(taken, axis=1, prepend=0.0) * marked[order]).sum(axis=1) / self.n
        return np.where(weights.sum(axis=1) >= self.n, found, np.nan)


class WithinFamilies(Statistic):
    """The mean rank correlation within families, each counting by its rows."""

    scale = "correlation"

    def weigh(self, weights: Array, *values: Array) -> Array:
        """Return it for weighted rows, from the numbers of their families, observations and predictions."""
        codes, observed, predicted = values
        total, mean = np.zeros(len(weights)), np.zeros(len(weights))
        for code in np.unique(codes):
            own = codes == code
            found = SPEARMAN.weigh(weights[:, own], observed[own], predicted[own])
            # a resample may hold one of its rows only
            n = np.where(np.isfinite(found), weights[:, own].sum(axis=1), 0)
            mean, total = mean + n * np.nan_to_num(found), total + n
        return np.divide(mean, total, out=np.full(len(total), np.nan), where=total > 0)


AUC = AreaUnderCurve()
WITHIN_FAMILIES = WithinFamilies()
BRIER = OfSums(lambda marked, chance: ((marked - chance) ** 2,), lambda count, total: total / count, "positive")


@dataclass(frozen=True)
class Predicted:
    """Rows with predictions that were made without them.

    Attributes:
        observed: shape (n,).
        bounds: `UPPER` where only an upper bound of the value is known, `LOWER` where only a lower one, else 0, shape
            (n,).
        groups: one label per row.
        families: one label per row; None without families.
        mean: predictions, shape (n,), or (n_partitions, n) by several partitions into folds.
        chance: probabilities of a value beyond the threshold, likewise; None without a threshold.
        folds: of each partition.
    """

    observed: Array
    bounds: Sides
    groups: Sequence[object]
    families: Sequence[object] | None
    mean: Array
    chance: Array | None
    folds: int = 1


def compute_exceedance(mean: Array, spread: Array, errors: Array, threshold: float, sign: int) -> Array:
    """Return the probability that a value lies beyond a threshold, on the better side.

    The distribution of a value is that of its prediction plus scaled errors of held-out rows (a conformal predictive
    distribution, Vovk et al. 2019, doi:10.1007/s10994-018-5755-8), so it is calibrated as the intervals are, and
    assumes no normal errors.

    Args:
        mean: predictions, shape (n,).
        spread: their spreads, widened where intervals are, shape (n,).
        errors: observed - predicted over the spread of rows that were held out, shape (m,).
        threshold: the value.
        sign: of the objective: -1 where it is maximised, 1 where it is minimised.

    Returns:
        Shape (n,), never quite 0 or 1.
    """
    ordered = np.sort(-sign * errors)
    needed = sign * (mean - threshold) / spread
    above = len(ordered) - np.searchsorted(ordered, needed, side="right")
    return np.asarray((above + 0.5) / (len(ordered) + 1))


def exceed_held_out(validation: CrossValidation, out: OutOfFold) -> Array | None:
    """Return that probability for every scored row, from errors of the other folds; None without a threshold."""
    problem = validation.problem
    if problem.objective.threshold is None:
        return None
    errors = (problem.scored - out.mean) / out.spread
    chance = np.empty(problem.n_scored)
    for _, test in validation.splits:
        # a distribution must not know the error that it is scored by
        rest = np.delete(errors, test)
        parts = rest, problem.objective.threshold, problem.objective.sign
        chance[test] = compute_exceedance(out.mean[test], out.spread[test], *parts)
    return chance


def score_use(rows: Predicted, objective: Objective, bootstraps: int, seed: int) -> dict[str, Any]:
    """Score predictions as they are used: rank correlation, also within families, and exceedance of the threshold.

    Args:
        rows: observations and predictions.
        objective: with its threshold, if it has one.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.

    Returns:
        `spearman` with its interval; `families` of 10 rows or more, each with its own, and `within_families`, their
        mean; and `threshold`: area under the curve, Brier score, and the share beyond among the first 10 and 20 of the
        ranking, all with 95 % intervals over groups and partitions. None for what does not apply.
    """
    draws = draw_groups(rows.groups, bootstraps, seed)
    overall = estimate(SPEARMAN, draws, rows.observed, rows.mean, folds=rows.folds)
    return {
        **label_interval("spearman", overall.value, overall.interval),
        **_rank_families(rows, bootstraps, seed),
        "threshold": _score_threshold(rows, objective, bootstraps, seed) if rows.chance is not None else None,
    }


def _rank_families(rows: Predicted, bootstraps: int, seed: int) -> dict[str, Any]:
    """Return rank correlations within families; of a family in one group there is no interval."""
    if rows.families is None:
        return {"families": None, "within_families": None}
    labels = np.where(pd.isna(np.asarray(rows.families, dtype=object)), "", np.asarray(rows.families, dtype=str))
    names, counts = np.unique(labels, return_counts=True)
    # rows without a label are no family
    large = [name for name, n in zip(names, counts, strict=True) if n >= FEWEST_OF_FAMILY and name.strip()]
    found = []
    for name in sorted(large, key=lambda name: -int((labels == name).sum())):
        own = labels == name
        part = _take(rows, own)
        draws = draw_groups(part.groups, bootstraps, seed)
        score = estimate(SPEARMAN, draws, part.observed, part.mean, folds=rows.folds)
        ends = score.interval if draws.n_groups > 1 else (float("nan"), float("nan"))
        found.append(
            {"family": str(name), "rows": int(own.sum()), "groups": draws.n_groups}
            | label_interval("spearman", score.value, ends)
        )
    if not large:
        return {"families": [], "within_families": None}
    part = _take(rows, np.isin(labels, large))
    codes = np.unique(np.asarray(part.families, dtype=str), return_inverse=True)[1].astype(float)
    draws = draw_groups(part.groups, bootstraps, seed)
    mean = estimate(WITHIN_FAMILIES, draws, codes, part.observed, part.mean, folds=rows.folds)
    whole = {"rows": len(codes), "families": len(large)} | label_interval("spearman", mean.value, mean.interval)
    return {"families": found, "within_families": whole}


def _score_threshold(rows: Predicted, objective: Objective, bootstraps: int, seed: int) -> dict[str, Any]:
    """Return how well values beyond the threshold are foreseen."""
    assert objective.threshold is not None
    sign = -objective.sign
    marks, is_known = mark_beyond(rows.observed, rows.bounds, objective.threshold, objective.sign)
    part, marked = _take(rows, is_known), marks[is_known]
    assert part.chance is not None
    base = float(marked.mean())
    draws = draw_groups(part.groups, bootstraps, seed)
    found: dict[str, Any] = {
        "value": objective.threshold,
        "side": "above" if sign > 0 else "below",
        "rows": len(marked),
        "groups": draws.n_groups,
        "beyond": int(marked.sum()),
        "base_rate": base,
        "brier_of_base_rate": base * (1 - base),
    }
    for name, statistic in (("auc", AUC), ("brier", BRIER)):
        score = estimate(statistic, draws, marked, part.chance, folds=rows.folds)
        found |= label_interval(name, score.value, score.interval)
    found["first"] = []
    for n in FIRST:
        if n <= len(marked):
            score = estimate(PrecisionAmongFirst(n), draws, marked, sign * part.mean, folds=rows.folds)
            # where all of few lie beyond, every resample says so too, and only their number tells what that is worth
            ends = zip(score.interval, compute_wilson_interval(score.value, n), strict=True)
            low, high = (pick(pair) for pick, pair in zip((min, max), ends, strict=True))
            found["first"].append({"n": n} | label_interval("precision", score.value, (low, high)))
    return found


def mark_beyond(observed: Array, bounds: Sides, threshold: float, sign: int) -> tuple[Array, Mask]:
    """Mark rows beyond a threshold by 1, the others by 0; and say of which it is known.

    Args:
        observed: values, shape (n,).
        bounds: which of them are bounds, shape (n,), see `Predicted`; one that leaves the threshold open is not known.
        threshold: the value.
        sign: of the objective, -1 where it is maximised.
    """
    is_open = bounds * (observed - threshold) > 0
    return (-sign * (observed - threshold) > 0).astype(float), ~is_open


def _take(rows: Predicted, wanted: Mask) -> Predicted:
    """Return some of the rows."""
    return Predicted(
        rows.observed[wanted],
        rows.bounds[wanted],
        [group for group, is_wanted in zip(rows.groups, wanted, strict=True) if is_wanted],
        None if rows.families is None else list(np.asarray(rows.families, dtype=object)[wanted]),
        rows.mean[..., wanted],
        None if rows.chance is None else rows.chance[..., wanted],
        rows.folds,
    )
