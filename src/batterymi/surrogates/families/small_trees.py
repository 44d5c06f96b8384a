"""Forests and boosted trees on few rows, built without what the library does around each tree.

On a dozen rows scikit-learn spends 0.76 ms on a tree of which the tree itself takes 0.03 ms: it copies a template,
checks arguments and wraps a call, for each of a hundred trees, of each fold, of each of 199 shuffles. Here the library
fits the first tree, and its own builder the others, from the same random numbers: the model is the same to the last
bit. Whether it is, is seen on the first tree, which is built both ways; where it differs, or the builder is not where
it was, the library fits all of them.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.utils import check_random_state

from batterymi.arrays import Array

FEW_ROWS = 2000  # above, the trees themselves take the time
LARGEST_SEED = np.iinfo(np.int32).max
# of a forest and its trees, other than which they are left to the library
PLAIN = {
    "criterion": "squared_error",
    "max_depth": None,
    "max_leaf_nodes": None,
    "max_samples": None,
    "min_impurity_decrease": 0.0,
    "min_weight_fraction_leaf": 0.0,
    "ccp_alpha": 0.0,
    "monotonic_cst": None,
    "oob_score": False,
    "warm_start": False,
    "n_jobs": None,
}
PLAIN_BOOSTING = {
    "loss": "squared_error",
    "subsample": 1.0,
    "init": None,
    "n_iter_no_change": None,
    "max_leaf_nodes": None,
    "min_impurity_decrease": 0.0,
    "min_weight_fraction_leaf": 0.0,
    "ccp_alpha": 0.0,
    "warm_start": False,
}
PARTS = ("children_left", "children_right", "feature", "threshold", "value")

Build = Callable[[Any, Array, Array | None], Any]


def fit_forest(regressor: RandomForestRegressor, matrix: Array, observed: Array, weights: Array | None = None) -> None:
    """Fit a forest of scikit-learn, random or extra trees, as its own `fit` does.

    Args:
        regressor: the unfitted forest; fitted afterwards.
        matrix: shape (n_rows, n_features).
        observed: shape (n_rows,).
        weights: of the rows, shape (n_rows,); None if all are alike.
    """
    n_trees = regressor.n_estimators
    if not _is_built_here(regressor, PLAIN, matrix):
        regressor.fit(matrix, observed, sample_weight=weights)
        return
    first = _fit_one(regressor, matrix, observed, weights).estimators_[0]
    # one number for each tree, as the library draws them
    draws = check_random_state(regressor.random_state)
    seeds = [draws.randint(LARGEST_SEED) for _ in range(n_trees)]
    build, n_rows = _find_builder(first, matrix), len(matrix)
    chances = None if weights is None else weights / np.sum(weights)

    def grow(seed: int) -> Any:
        counts = weights
        if regressor.bootstrap:
            draws.seed(seed)
            places = (
                draws.choice(n_rows, n_rows, p=chances) if weights is not None else draws.randint(0, n_rows, n_rows)
            )
            counts = np.bincount(places, minlength=n_rows).astype(float)
        # a generator that is seeded again costs a tenth of another one
        draws.seed(seed)
        return build(draws, observed, counts) if build else None

    if build is None or not _is_same(first.tree_, grow(seeds[0])) or first.random_state != seeds[0]:
        regressor.fit(matrix, observed, sample_weight=weights)
        return
    regressor.estimators_ = [first, *(_copy_tree(first, grow(seed), seed) for seed in seeds[1:])]


def fit_boosting(
    regressor: GradientBoostingRegressor, matrix: Array, observed: Array, weights: Array | None = None
) -> None:
    """Fit boosted trees of scikit-learn to squared errors, as its own `fit` does.

    Args:
        regressor: the unfitted trees; fitted afterwards.
        matrix: shape (n_rows, n_features).
        observed: shape (n_rows,).
        weights: of the rows, shape (n_rows,); None if all are alike.
    """
    n_stages = regressor.n_estimators
    if not _is_built_here(regressor, PLAIN_BOOSTING, matrix):
        regressor.fit(matrix, observed, sample_weight=weights)
        return
    first = _fit_one(regressor, matrix, observed, weights).estimators_[0, 0]
    build = _find_builder(first, matrix)
    given = np.ones(len(matrix)) if weights is None else np.asarray(weights, dtype=float)
    single = np.ascontiguousarray(matrix, dtype=np.float32)
    expected = regressor.init_.predict(single)
    again = build(check_random_state(regressor.random_state), observed - expected, given) if build else None
    if build is None or not _is_same(first.tree_, again):
        regressor.fit(matrix, observed, sample_weight=weights)
        return
    trees, scores = [first], [*regressor.train_score_]
    expected = _add_stage(expected, first.tree_, single, regressor.learning_rate)
    for _ in range(n_stages - 1):
        # all trees take their random numbers from one generator
        tree = build(first.random_state, observed - expected, given)
        trees.append(_copy_tree(first, tree, first.random_state))
        expected = _add_stage(expected, tree, single, regressor.learning_rate)
        scores.append(np.average((observed - expected) ** 2, weights=given))
    regressor.estimators_ = np.empty((n_stages, 1), dtype=object)
    regressor.estimators_[:, 0] = trees
    regressor.train_score_, regressor.n_estimators_ = np.array(scores), n_stages


def predict_forest(regressor: RandomForestRegressor, matrix: Array) -> Array:
    """Return the mean over the trees of a forest, as its own `predict` does, without its checks; shape (n_rows,)."""
    single = np.ascontiguousarray(matrix, dtype=np.float32)
    total = np.zeros(len(single))
    for tree in regressor.estimators_:
        total += tree.tree_.predict(single)[:, 0]
    return total / len(regressor.estimators_)


def _fit_one(regressor: Any, matrix: Array, observed: Array, weights: Array | None) -> Any:
    """Have the library fit the first tree alone, and everything that it keeps beside trees."""
    n_trees = regressor.n_estimators
    regressor.n_estimators = 1
    try:
        regressor.fit(matrix, observed, sample_weight=weights)
    finally:
        regressor.n_estimators = n_trees
    return regressor


def _is_built_here(regressor: Any, wanted: dict[str, Any], matrix: Array) -> bool:
    """Return whether rows are few and finite, and settings are those that are built here."""
    settings = all(getattr(regressor, name, value) == value for name, value in wanted.items())
    return (
        len(matrix) <= FEW_ROWS
        and settings
        and isinstance(regressor.min_samples_leaf, int)
        and bool(np.isfinite(matrix).all())
    )


def _find_builder(first: Any, matrix: Array) -> Build | None:
    """Return what grows a tree like a fitted one on the same rows; None where the library has no such parts."""
    try:
        from sklearn.tree import _criterion, _splitter, _tree

        splitters = {"best": _splitter.BestSplitter, "random": _splitter.RandomSplitter}
        splitter_of, criterion_of = splitters[first.splitter], _criterion.MSE
        depth = LARGEST_SEED if first.max_depth is None else first.max_depth
    except (AttributeError, ImportError, KeyError):
        return None
    single = np.ascontiguousarray(matrix, dtype=np.float32)
    leaf = first.min_samples_leaf
    least = max(first.min_samples_split, 2 * leaf)
    outputs = np.array([1], dtype=np.intp)

    def build(generator: Any, observed: Array, weights: Array | None) -> Any:
        targets = np.ascontiguousarray(observed, dtype=np.float64).reshape(-1, 1)
        try:
            splitter = splitter_of(criterion_of(1, len(single)), first.max_features_, leaf, 0.0, generator, None)
            tree = _tree.Tree(single.shape[1], outputs, 1)
            _tree.DepthFirstTreeBuilder(splitter, least, leaf, 0.0, depth, 0.0).build(
                tree, single, targets, weights, None
            )
        except TypeError:
            return None
        return tree

    return build


def _is_same(tree: Any, other: Any) -> bool:
    """Return whether two trees have the same nodes."""
    return other is not None and all(np.array_equal(getattr(tree, part), getattr(other, part)) for part in PARTS)


def _copy_tree(first: Any, tree: Any, random_state: Any) -> Any:
    """Return a fitted regressor like another one, with its own nodes and random state."""
    copied = copy.copy(first)
    copied.tree_, copied.random_state = tree, random_state
    return copied


def _add_stage(expected: Array, tree: Any, matrix: Any, rate: float) -> Array:
    """Return what is expected after another stage."""
    added: Array = expected + rate * tree.value[:, 0, 0].take(tree.apply(matrix))
    return added
