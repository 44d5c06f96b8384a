"""Where a model may be asked: distance to what it learned from, and the error over that distance."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from batterymi.statistics.intervals import interval, resampled, resamples
from batterymi.statistics.scores import mean, spearman
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import OutOfFold, Split

Array = NDArray[np.float64]
N_NEIGHBOURS = 5
FAR_SHARE = 0.1  # share of held-out rows, the farthest, that set the threshold
N_BINS = 5


def neighbour_distance(model: Pipeline, learned: pd.DataFrame, asked: pd.DataFrame) -> Array:
    """Mean distance of rows to the five nearest rows that a model learned from, over its scaled inputs.

    Args:
        model: a fitted model, whose encoder scales.
        learned: inputs of the rows that it learned from, shape (n, n_columns).
        asked: inputs of the rows in question, shape (m, n_columns).

    Returns:
        Root mean square over the columns, so in standard deviations of a typical column; shape (m,).
    """
    encoder = model.named_steps["encoder"]
    known, new = encoder.transform(learned), encoder.transform(asked)
    index = NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, len(known))).fit(known)
    return index.kneighbors(new)[0].mean(axis=1) / np.sqrt(known.shape[1])


def held_out_distances(problem: Problem, out: OutOfFold, splits: Sequence[Split]) -> Array:
    """Distance of every scored row to what its fold's model learned from, shape (n_scored,)."""
    distance = np.empty(problem.n_scored)
    for (train, test), model in zip(splits, out.models, strict=True):
        distance[test] = neighbour_distance(model, problem.frame.iloc[train], problem.frame.iloc[test])
    return distance


def error_over_distance(
    problem: Problem, out: OutOfFold, distance: Array, bootstraps: int, seed: int
) -> dict[str, Any]:
    """Whether held-out rows far from the others are predicted worse.

    Args:
        problem: what was learned.
        out: its cross-validation.
        distance: from `held_out_distances`.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.

    Returns:
        `threshold` (the farthest tenth of held-out rows lies beyond), rank correlation of error and distance, mean
        absolute error within and beyond with 95 % intervals, and `bins` of equal numbers of rows.
    """
    miss = np.abs(problem.scored - out.mean)
    threshold = float(np.quantile(distance, 1 - FAR_SHARE))
    far = distance > threshold
    groups = problem.scored_groups
    found: dict[str, Any] = {"threshold": threshold, "spearman": spearman(miss, distance)}
    for name, part in (("within", ~far), ("beyond", far)):
        found[f"mae_{name}"], found[f"rows_{name}"] = float(miss[part].mean()) if part.any() else None, int(part.sum())
        found[f"mae_{name}_lower"], found[f"mae_{name}_upper"] = _mean_interval(miss, part, groups, bootstraps, seed)
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, N_BINS + 1)))
    found["bins"] = []
    for low, high in pairwise(edges):
        part = (distance >= low) & ((distance < high) if high < edges[-1] else (distance <= high))
        if part.any():
            lower, upper = _mean_interval(miss, part, groups, bootstraps, seed)
            found["bins"].append(
                {"distance": float(np.median(distance[part])), "rows": int(part.sum())}
                | {"mae": float(miss[part].mean()), "mae_lower": lower, "mae_upper": upper}
            )
    return found


def _mean_interval(
    miss: Array, part: NDArray[np.bool_], groups: Sequence[object], bootstraps: int, seed: int
) -> tuple[float, float]:
    """Interval of the mean error of some rows, over their groups."""
    if not part.any():
        return float("nan"), float("nan")
    own = [group for group, wanted in zip(groups, part, strict=True) if wanted]
    return interval(resampled(mean, resamples(own, bootstraps, seed), miss[part]))
