"""The engine `enumerate`: the exact maximum of an ensemble of trees, found without a single guess.

Trees are constant between their thresholds, so an ensemble has finitely many values over a box. Random search and
Gaussian processes only ever come near its best cell; branching over the thresholds finds it and knows that it did.
"""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Objective
from batterymi.errors import DesignError
from batterymi.optimise.engines.base import as_suggestions
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import Space

Array = NDArray[np.float64]
MAX_BOXES = 200_000


@dataclass(frozen=True)
class Leaves:
    """The leaves of one tree as boxes.

    Attributes:
        lower: shape (n_leaves, n_inputs): inputs of the leaf are greater.
        upper: shape (n_leaves, n_inputs): inputs of the leaf are at most that.
        values: what each adds to the ensemble's prediction, shape (n_leaves,).
    """

    lower: Array
    upper: Array
    values: Array


@dataclass(frozen=True)
class Maximum:
    """Where an ensemble is largest.

    Attributes:
        value: the largest prediction.
        lower: lower corner of a box in which it is reached, shape (n_inputs,).
        upper: its upper corner.
        n_boxes: boxes that were compared.
    """

    value: float
    lower: Array
    upper: Array
    n_boxes: int


def leaves_of(model: object) -> list[Leaves]:
    """Leaves of a fitted scikit-learn ensemble of trees.

    Args:
        model: a decision tree, a random forest, extra trees, or gradient boosting with squared error.

    Returns:
        One entry per tree; predictions are sums of the values, and a constant of boosting stands as a leaf of its own.

    Raises:
        DesignError: if the model is no such ensemble.
    """
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    if isinstance(model, DecisionTreeRegressor):
        return [_leaves(model.tree_, 1.0)]
    if isinstance(model, RandomForestRegressor | ExtraTreesRegressor):
        return [_leaves(tree.tree_, 1 / len(model.estimators_)) for tree in model.estimators_]
    if isinstance(model, GradientBoostingRegressor):
        trees = [_leaves(tree.tree_, model.learning_rate) for tree in model.estimators_.ravel()]
        constant = float(np.ravel(model.init_.constant_)[0])
        ends = np.full((1, model.n_features_in_), np.inf)
        return [*trees, Leaves(-ends, ends, np.array([constant]))]
    raise DesignError(
        f"the model is {type(model).__name__}, no ensemble of trees, so the engine 'enumerate' has nothing to list; "
        "set surrogate.models to the baselines and random_forest or extra_trees, or choose another engine"
    )


def _leaves(tree: object, weight: float) -> Leaves:
    """Boxes of one tree, by walking from its root."""
    n_inputs = tree.n_features  # type: ignore[attr-defined]
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    feature, threshold = tree.feature, tree.threshold  # type: ignore[attr-defined]
    values = tree.value[:, 0, 0]  # type: ignore[attr-defined]
    stack = [(0, np.full(n_inputs, -np.inf), np.full(n_inputs, np.inf))]
    found = []
    while stack:
        node, lower, upper = stack.pop()
        if left[node] == -1:
            found.append((lower, upper, weight * values[node]))
            continue
        below, above = upper.copy(), lower.copy()
        below[feature[node]] = min(upper[feature[node]], threshold[node])
        above[feature[node]] = max(lower[feature[node]], threshold[node])
        stack += [(left[node], lower, below), (right[node], above, upper)]
    lowers, uppers, amounts = zip(*found, strict=True)
    return Leaves(np.array(lowers), np.array(uppers), np.array(amounts))


def maximum(trees: Sequence[Leaves], lower: Array, upper: Array) -> Maximum:
    """The largest prediction over a box, by best-first search.

    The bound of a box is the sum of the best leaf of each tree that reaches into it. Where each tree has one leaf left,
    the bound is the prediction; else the box is cut at the threshold that most trees share within it.

    Args:
        trees: the ensemble.
        lower: lower corner of the box, shape (n_inputs,).
        upper: upper corner.

    Returns:
        The maximum, proven.

    Raises:
        DesignError: if that takes more boxes than memory and patience allow.
    """
    lows = np.vstack([tree.lower for tree in trees])
    highs = np.vstack([tree.upper for tree in trees])
    values = np.concatenate([tree.values for tree in trees])
    owner = np.repeat(np.arange(len(trees)), [len(tree.values) for tree in trees])
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner))[:-1]])
    whole = np.arange(len(values))

    def bound(box_low: Array, box_high: Array, among: NDArray[np.intp]) -> tuple[float, NDArray[np.intp]]:
        # a leaf takes inputs above its lower end, so that one beginning where the box ends is out of reach
        reached = ((lows[among] < box_high) & (highs[among] >= box_low)).all(axis=1)
        inside = among[reached]
        best = np.full(len(starts), -np.inf)
        np.maximum.at(best, owner[inside], values[inside])
        return float(best.sum()), inside

    tie = itertools.count()
    value, inside = bound(lower, upper, whole)
    heap = [(-value, next(tie), lower, upper, inside)]
    for n_boxes in range(1, MAX_BOXES + 1):
        negative, _, low, high, inside = heapq.heappop(heap)
        if len(inside) == len(trees):
            return Maximum(-negative, low, high, n_boxes)
        column, cut = _shared_threshold(lows[inside], highs[inside], low, high)
        below, above = high.copy(), low.copy()
        below[column] = cut
        above[column] = np.nextafter(cut, np.inf)
        for box in ((low, below), (above, high)):
            value, part = bound(*box, inside)
            heapq.heappush(heap, (-value, next(tie), *box, part))
    raise DesignError(
        f"the maximum of {len(trees)} trees was not proven within {MAX_BOXES} boxes; use fewer or smaller trees "
        "(surrogate.trees), or the engine 'gaussian_process'"
    )


def _shared_threshold(lows: Array, highs: Array, low: Array, high: Array) -> tuple[int, float]:
    """The threshold within a box that most leaves end at."""
    best: tuple[int, int, float] | None = None
    for column in range(lows.shape[1]):
        ends = highs[:, column]
        within = ends[(ends >= low[column]) & (ends < high[column])]
        if len(within):
            cuts, counts = np.unique(within, return_counts=True)
            # of equal ones the middle, which halves the work
            top = np.flatnonzero(counts == counts.max())
            pick = int(top[len(top) // 2])
            if best is None or counts[pick] > best[0]:
                best = (int(counts[pick]), column, float(cuts[pick]))
    assert best is not None
    return best[1], best[2]


@dataclass(frozen=True)
class Forest:
    """An ensemble over designs of one choice of categories.

    Attributes:
        codes: lower and upper corner of the space, in codes, shape (2, n_features).
        inputs: the same two designs as the trees take them, shape (2, n_inputs).
    """

    codes: Array
    inputs: Array


def propose(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The design that the study's trees predict to be best, proven; see `Engine`.

    Further designs are others of the same cell, which have the same prediction.

    Raises:
        DesignError: if the evaluator's model is no ensemble of trees.
    """
    assert isinstance(search, Problem)
    rng = np.random.default_rng([seed, len(history)])
    space, target = search.space, search.optimised[0]
    taken = space.codes(history) if pending is None else np.vstack([space.codes(history), space.codes(pending)])
    cell, value = best_cell(search, target)
    chosen: list[Array] = []
    for attempt in range(20 * n):
        share = np.full(cell.shape[1], 0.5) if attempt == 0 else rng.random(cell.shape[1])
        design = (cell[0] + share * (cell[1] - cell[0]))[None]
        if space.is_distinct(design, taken)[0]:
            chosen.append(design)
            taken = np.vstack([taken, design])
        if len(chosen) == n:
            break
    why = f"in the cell where the trees predict most, {value:.4g}; proven over all cells"
    return as_suggestions(space, chosen, [why] * len(chosen))


def best_cell(problem: Problem, target: Objective) -> tuple[Array, float]:
    """The cell of designs in which the model of an objective is best, in codes of shape (2, n_features), and its value.

    Raises:
        DesignError: if the evaluator's model is no ensemble of trees.
    """
    stored = problem.evaluator.model_of(target.name)  # type: ignore[attr-defined]
    trees = [Leaves(one.lower, one.upper, -target.sign * one.values) for one in leaves_of(stored.fitted.regressor)]
    found: list[tuple[float, Array]] = []
    for forest in _forests(problem.space, stored):
        best = maximum(trees, *forest.inputs)
        found.append((best.value, _codes_of(best, forest)))
    value, cell = max(found, key=lambda pair: pair[0])
    return cell, -target.sign * value


def _forests(space: Space, stored: Any) -> list[Forest]:
    """The corners of the space for every choice of categories."""
    choices = [range(len(f.choices)) if f.choices else (0,) for f in space.features]
    forests = []
    for combination in itertools.product(*choices):
        words = np.array(combination, float) * [f.is_category for f in space.features]
        numbers = np.array([not f.is_category for f in space.features])
        codes = np.vstack([space.lower, space.lower + space.width]) * numbers + words
        inputs = stored.fitted.encoder.transform(stored.frame(space.frame(codes)))
        forests.append(Forest(codes, np.asarray(inputs, float)))
    return forests


def _codes_of(best: Maximum, forest: Forest) -> Array:
    """A box of inputs as a cell of designs; numbers are scaled one by one, each in its own column, in order."""
    low, high = forest.inputs
    moving = np.flatnonzero(high > low)
    columns = np.flatnonzero(forest.codes[1] > forest.codes[0])
    cell = forest.codes.copy()
    span = forest.codes[1, columns] - forest.codes[0, columns]
    for end, corner in enumerate((best.lower, best.upper)):
        share = (corner[moving] - low[moving]) / (high[moving] - low[moving])
        cell[end, columns] = forest.codes[0, columns] + share * span
    return cell
