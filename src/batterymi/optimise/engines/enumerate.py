"""The engine `enumerate`: the exact maximum of an ensemble of trees, or its value nearest to a target.

Trees are constant between their thresholds, so an ensemble has finitely many values over a box. Random search and
Gaussian processes only approach its best cell; branching over the thresholds finds it and proves that it is the best.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.goals import Window
from batterymi.config.parts import Objective
from batterymi.errors import DesignError
from batterymi.optimise.engines.base import list_taken, make_suggestions
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import Space

MAX_BOXES = 200_000
PRECISION = 1e-4  # of the range of predictions: distances to a target that differ by less are equal


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
    """

    value: float
    lower: Array
    upper: Array


@dataclass(frozen=True)
class Nearest(Maximum):
    """Where the prediction of an ensemble is nearest to a target; its `value` is the prediction there.

    Attributes:
        gap: by how much another prediction may be nearer.
    """

    gap: float


def extract_leaves(model: object) -> list[Leaves]:
    """Extract the leaves of a fitted scikit-learn ensemble of trees.

    Args:
        model: a decision tree, a random forest, extra trees, or gradient boosting with squared error.

    Returns:
        One entry per tree; predictions are sums of the values, and a constant of boosting is a leaf of its own.

    Raises:
        DesignError: if the model is not such an ensemble.
    """
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    if isinstance(model, DecisionTreeRegressor):
        return [_extract_tree_leaves(model.tree_, 1.0)]
    if isinstance(model, RandomForestRegressor | ExtraTreesRegressor):
        return [_extract_tree_leaves(tree.tree_, 1 / len(model.estimators_)) for tree in model.estimators_]
    if isinstance(model, GradientBoostingRegressor):
        trees = [_extract_tree_leaves(tree.tree_, model.learning_rate) for tree in model.estimators_.ravel()]
        constant = float(np.ravel(model.init_.constant_)[0])
        ends = np.full((1, model.n_features_in_), np.inf)
        return [*trees, Leaves(-ends, ends, np.array([constant]))]
    raise DesignError(
        f"the model is {type(model).__name__}, not an ensemble of trees, so the engine 'enumerate' cannot be used; "
        "set surrogate.models to the baselines and random_forest or extra_trees, or choose another engine"
    )


def _extract_tree_leaves(tree: object, weight: float) -> Leaves:
    """Extract the leaves of one tree as boxes, by descending from its root."""
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
        # scikit-learn sends inputs equal to the threshold to the left
        below[feature[node]] = min(upper[feature[node]], threshold[node])
        above[feature[node]] = max(lower[feature[node]], threshold[node])
        stack += [(left[node], lower, below), (right[node], above, upper)]
    lowers, uppers, amounts = zip(*found, strict=True)
    return Leaves(np.array(lowers), np.array(uppers), np.array(amounts))


def find_maximum(trees: Sequence[Leaves], lower: Array, upper: Array) -> Maximum:
    """Find the largest prediction over a box, by best-first branch and bound.

    The bound of a box is the sum of the best leaf of each tree that reaches into it. Where each tree has one leaf left,
    the bound is the prediction; else the box is cut at the threshold that most trees share within it.

    Args:
        trees: the ensemble.
        lower: lower corner of the box, shape (n_inputs,).
        upper: upper corner.

    Returns:
        The maximum, proven.

    Raises:
        DesignError: if that takes more than MAX_BOXES boxes.
    """
    ensemble = _Ensemble.join(trees)

    def bound(box_low: Array, box_high: Array, among: Indices) -> tuple[float, Indices]:
        inside = ensemble.find_reached(box_low, box_high, among)
        return ensemble.add_up(inside, np.maximum, -np.inf), inside

    # a counter breaks ties of equal bounds, since arrays cannot be compared
    tie = itertools.count()
    value, inside = bound(lower, upper, np.arange(len(ensemble.values)))
    # heapq pops the smallest first, so bounds are negated
    heap = [(-value, next(tie), lower, upper, inside)]
    for _ in range(MAX_BOXES):
        negative, _, low, high, inside = heapq.heappop(heap)
        if len(inside) == len(trees):
            return Maximum(-negative, low, high)
        for box in ensemble.split(low, high, inside):
            # a child meets only leaves that its parent met
            value, part = bound(*box, inside)
            heapq.heappush(heap, (-value, next(tie), *box, part))
    raise DesignError(
        f"the maximum of {len(trees)} trees was not proven within {MAX_BOXES} boxes; use fewer or smaller trees "
        "(surrogate.trees), or the engine 'gaussian_process'"
    )


def find_nearest(trees: Sequence[Leaves], lower: Array, upper: Array, window: Window) -> Nearest:
    """Find the prediction over a box that is nearest to a target, by best-first branch and bound.

    The bound of a box is the distance of the target to the range of its predictions, which is that between the sums of
    the lowest and of the highest leaf of each tree that reaches into it. Many boxes have a bound of 0 and no such
    prediction, so the centre of each is predicted.

    Args:
        trees: the ensemble.
        lower: lower corner of the box, shape (n_inputs,).
        upper: upper corner.
        window: the target.

    Returns:
        The nearest prediction that was found, and by how much another one may be nearer; more than PRECISION only if
        MAX_BOXES boxes were not enough.
    """
    ensemble = _Ensemble.join(trees)

    def bound(box_low: Array, box_high: Array, among: Indices) -> tuple[float, Indices]:
        inside = ensemble.find_reached(box_low, box_high, among)
        ends = ensemble.add_up(inside, np.minimum, np.inf), ensemble.add_up(inside, np.maximum, -np.inf)
        return max(window.low - ends[1], ends[0] - window.high, 0.0), inside

    everything, tie = np.arange(len(ensemble.values)), itertools.count()
    ends = ensemble.add_up(everything, np.minimum, np.inf), ensemble.add_up(everything, np.maximum, -np.inf)
    precision = PRECISION * (ends[1] - ends[0])
    distance, inside = bound(lower, upper, everything)
    # of equal bounds the box with the fewest leaves
    heap = [(distance, len(inside), next(tie), lower, upper, inside)]
    best, nearest, least = Maximum(np.nan, lower, upper), np.inf, 0.0
    for _ in range(MAX_BOXES):
        least = heap[0][0] if heap else nearest
        if least >= nearest - precision:
            break
        _, n_leaves, _, low, high, inside = heapq.heappop(heap)
        found = ensemble.predict_centre(low, high, inside)
        if (distance := float(window.compute_distance(np.array(found.value)))) < nearest:
            best, nearest = found, distance
        for box in ensemble.split(low, high, inside) if n_leaves > len(trees) else ():
            distance, part = bound(*box, inside)
            if distance < nearest - precision:
                heapq.heappush(heap, (distance, len(part), next(tie), *box, part))
    return Nearest(best.value, best.lower, best.upper, max(nearest - least, min(nearest, precision)))


@dataclass(frozen=True)
class _Ensemble:
    """The leaves of all trees, one after another.

    Attributes:
        lower: shape (n_leaves, n_inputs).
        upper: shape (n_leaves, n_inputs).
        values: shape (n_leaves,).
        owner: the tree of each leaf, shape (n_leaves,).
        n_trees: how many trees.
    """

    lower: Array
    upper: Array
    values: Array
    owner: Indices
    n_trees: int

    @classmethod
    def join(cls, trees: Sequence[Leaves]) -> "_Ensemble":
        """Join the leaves of trees."""
        owner = np.repeat(np.arange(len(trees)), [len(tree.values) for tree in trees])
        lower, upper = (np.vstack(ends) for ends in ([t.lower for t in trees], [t.upper for t in trees]))
        return cls(lower, upper, np.concatenate([tree.values for tree in trees]), owner, len(trees))

    def find_reached(self, low: Array, high: Array, among: Indices) -> Indices:
        """Find those of some leaves that reach into a box."""
        # a leaf takes inputs above its lower end, so one that begins where the box ends does not overlap it
        return among[((self.lower[among] < high) & (self.upper[among] >= low)).all(axis=1)]

    def add_up(self, inside: Indices, choose: np.ufunc, start: float) -> float:
        """Add up the largest, or the smallest, of some leaves of each tree."""
        ends = np.full(self.n_trees, start)
        choose.at(ends, self.owner[inside], self.values[inside])
        return float(ends.sum())

    def predict_centre(self, low: Array, high: Array, inside: Indices) -> Maximum:
        """Predict the centre of a box, and find the box around it in which the prediction is the same."""
        centre = (low + high) / 2
        here = inside[((self.lower[inside] < centre) & (self.upper[inside] >= centre)).all(axis=1)]
        # a leaf does not take its lower end
        cell = np.nextafter(self.lower[here], np.inf).max(axis=0), self.upper[here].min(axis=0)
        return Maximum(float(self.values[here].sum()), np.maximum(cell[0], low), np.minimum(cell[1], high))

    def split(self, low: Array, high: Array, inside: Indices) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Split a box in two at the threshold that most trees share within it."""
        column, cut = _find_shared_threshold(self.lower[inside], self.upper[inside], low, high)
        below, above = high.copy(), low.copy()
        below[column] = cut
        # the upper half starts just above the cut, so the halves do not overlap
        above[column] = np.nextafter(cut, np.inf)
        return (low, below), (above, high)


def _find_shared_threshold(lows: Array, highs: Array, low: Array, high: Array) -> tuple[int, float]:
    """Find the threshold within a box at which most leaves end."""
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


def propose_designs(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose the design that the study's trees predict to be best, with proof; see `Engine`.

    Further designs are others of the same cell, which have the same prediction.

    Raises:
        DesignError: if the evaluator's model is not an ensemble of trees.
    """
    assert isinstance(search, Problem)
    rng = np.random.default_rng([seed, len(history)])
    space, target = search.space, search.optimised[0]
    taken = list_taken(search, history, pending)
    cell, found = find_best_cell(search, target)
    chosen: list[Array] = []
    # bounded, since a small cell may not hold n distinct designs
    for attempt in range(20 * n):
        # the centre first, furthest from edges that rounding could cross
        share = np.full(cell.shape[1], 0.5) if attempt == 0 else rng.random(cell.shape[1])
        design = (cell[0] + share * (cell[1] - cell[0]))[None]
        if space.is_distinct(design, taken)[0]:
            chosen.append(design)
            taken = np.vstack([taken, design])
        if len(chosen) == n:
            break
    why = f"in the cell where the trees predict most, {found.value:.4g}; proven over all cells"
    if isinstance(found, Nearest) and target.window:
        why = f"in the cell where the trees predict {found.value:.4g}, nearest to {target.window.text}"
        why += f"; no cell is nearer by more than {found.gap:.2g}" if found.gap else "; proven over all cells"
    return make_suggestions(space, chosen, [why] * len(chosen))


def find_best_cell(problem: Problem, target: Objective) -> tuple[Array, Maximum]:
    """Find the cell of designs in which the model of an objective is best, and its value there.

    Returns:
        The cell in codes, shape (2, n_features), and its value; a `Nearest` where the objective has a target.

    Raises:
        DesignError: if the evaluator's model is not an ensemble of trees.
    """
    stored, window = problem.evaluator.get_model(target.name), target.window  # type: ignore[attr-defined]
    trees, found = extract_leaves(stored.fitted.regressor), []
    for codes, inputs in _list_boxes(problem.space, stored):
        low, high = inputs
        best = find_nearest(trees, low, high, window) if window else _find_extreme(trees, low, high, target.sign)
        found.append((best, _decode_box(best, codes, inputs)))
    # of equal ones the first
    costs = target.compute_cost(np.array([best.value for best, _ in found]))
    best, cell = found[int(np.argmin(costs))]
    return cell, best


def _find_extreme(trees: Sequence[Leaves], lower: Array, upper: Array, sign: int) -> Maximum:
    """Find the largest prediction over a box, or the smallest if the sign is 1."""
    signed = [Leaves(tree.lower, tree.upper, -sign * tree.values) for tree in trees]
    best = find_maximum(signed, lower, upper)
    return Maximum(-sign * best.value, best.lower, best.upper)


def _list_boxes(space: Space, stored: Any) -> Iterator[tuple[Array, Array]]:
    """Yield both corners of the space for each choice of categories: in codes, and as the trees take them."""
    choices = [range(len(f.choices)) if f.choices else (0,) for f in space.features]
    for combination in itertools.product(*choices):
        words = np.array(combination, float) * [f.is_category for f in space.features]
        numbers = np.array([not f.is_category for f in space.features])
        codes = np.vstack([space.lower, space.lower + space.width]) * numbers + words
        yield codes, np.asarray(stored.fitted.encoder.transform(stored.frame(space.frame(codes))), float)


def _decode_box(best: Maximum, codes: Array, inputs: Array) -> Array:
    """Decode a box of inputs to a cell of designs; numbers are scaled one by one, in the order of columns."""
    low, high = inputs
    moving = np.flatnonzero(high > low)
    columns = np.flatnonzero(codes[1] > codes[0])
    cell = codes.copy()
    span = codes[1, columns] - codes[0, columns]
    for end, corner in enumerate((best.lower, best.upper)):
        share = (corner[moving] - low[moving]) / (high[moving] - low[moving])
        cell[end, columns] = codes[0, columns] + share * span
    return cell
