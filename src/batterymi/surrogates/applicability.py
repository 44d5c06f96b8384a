"""The applicability domain: distance to what a model learned from, and the error over that distance."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.statistics.grouped import draw_groups, estimate
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import MEAN, compute_spearman
from batterymi.surrogates.distances import Points, Rows, measure_neighbours
from batterymi.surrogates.model import Model
from batterymi.surrogates.validation import CrossValidation, OutOfFold
from batterymi.surrogates.widening import OUTSIDE_SHARE

N_BINS = 5


def compute_neighbour_distance(model: Model, learned: pd.DataFrame, designs: pd.DataFrame) -> Array:
    """Return the mean distance of designs to the five nearest rows that a model learned from, shape (n_designs,).

    Args:
        model: a fitted model, whose encoder scales.
        learned: inputs of the rows that it learned from, shape (n, n_columns).
        designs: inputs of the designs, shape (n_designs, n_columns).
    """
    points = Points(model.encoder.transform(learned))
    return np.concatenate([measure_neighbours(rows, points) for rows in model.encode_chunks(designs)])


def compute_held_out_distances(validation: CrossValidation) -> Array:
    """Return the distance of every scored row to what its fold's models learned from, shape (n_scored,)."""
    problem = validation.problem
    distance = np.empty(problem.n_scored)
    for train, test in validation.splits:
        points = Points(problem.encode(train)[1])
        distance[test] = measure_neighbours(Rows(problem.encode_others(test, train)), points)
    return distance


def compute_error_by_distance(validation: CrossValidation, out: OutOfFold, distance: Array) -> dict[str, Any]:
    """Find whether held-out rows outside the applicability domain are predicted worse.

    Args:
        validation: the cross-validation.
        out: its predictions.
        distance: from `compute_held_out_distances`.

    Returns:
        `threshold` (the farthest tenth of held-out rows lies beyond), rank correlation of error and distance, mean
        absolute error within and beyond with 95 % intervals, and `bins` of equal numbers of rows.
    """
    problem, bootstraps, seed = validation.problem, validation.bootstraps, validation.seed
    miss = np.abs(problem.scored - out.mean)
    threshold = float(np.quantile(distance, 1 - OUTSIDE_SHARE))
    outside = distance > threshold
    groups = problem.scored_groups
    found: dict[str, Any] = {"threshold": threshold, "spearman": compute_spearman(miss, distance)}
    for name, part in (("within", ~outside), ("beyond", outside)):
        found[f"mae_{name}"], found[f"rows_{name}"] = float(miss[part].mean()) if part.any() else None, int(part.sum())
        found[f"mae_{name}_lower"], found[f"mae_{name}_upper"] = _compute_mean_interval(
            miss, part, groups, bootstraps, seed
        )
    # quantiles coincide where distances are equal, and a bin of no width would be empty
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, N_BINS + 1)))
    found["bins"] = []
    for low, high in pairwise(edges):
        # the last bin is closed above, so that the farthest row is counted
        part = (distance >= low) & ((distance < high) if high < edges[-1] else (distance <= high))
        if part.any():
            interval = _compute_mean_interval(miss, part, groups, bootstraps, seed)
            place = {"distance": float(np.median(distance[part])), "rows": int(part.sum())}
            found["bins"].append(place | label_interval("mae", float(miss[part].mean()), interval))
    return found


def _compute_mean_interval(
    miss: Array, part: Mask, groups: Sequence[object], bootstraps: int, seed: int
) -> tuple[float, float]:
    """Compute the interval of the mean error of some rows by resampling their groups."""
    if not part.any():
        return float("nan"), float("nan")
    own = [group for group, wanted in zip(groups, part, strict=True) if wanted]
    return estimate(MEAN, draw_groups(own, bootstraps, seed), miss[part]).interval
