"""The models that studies compare, each behind the same encoder and with a local spread."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.svm import SVR

from batterymi.config.parts import DEFAULT_BLEND, Feature
from batterymi.features.encode import make_encoder

N_TREES = 100
SPREAD_FLOOR = 0.1
RIDGE_PENALTIES = tuple(10.0**power for power in np.arange(-3, 3.5, 0.5))


# hyperparameters that nested cross-validation chooses among; models not named here have none
GRIDS: dict[str, tuple[dict[str, Any], ...]] = {
    "random_forest": ({"max_features": 1.0}, {"max_features": 0.33}, {"max_features": 0.33, "min_samples_leaf": 3}),
    "extra_trees": (
        {"max_features": 0.33},
        {"max_features": 1.0},
        {"max_features": 0.33, "min_samples_leaf": 3},
    ),
    "histogram_boosting": (
        {
            "learning_rate": 0.06,
            "max_iter": 200,
            "max_features": 0.1,
            "min_samples_leaf": 4,
            "max_leaf_nodes": 15,
            "max_bins": 63,
        },
        {"learning_rate": 0.06, "max_iter": 100, "max_features": 0.3, "min_samples_leaf": 15, "max_bins": 63},
    ),
    "support_vector": ({"C": 10.0}, {"C": 2.0}),
}


def make_model(
    name: str, features: Sequence[Feature], columns: Sequence[str], seed: int, trees: int = N_TREES, **settings: Any
) -> Pipeline:
    """Build an unfitted model.

    Ridge picks its penalty by leave-one-out within the rows it is given, the Gaussian process its kernel's
    parameters by marginal likelihood, so neither sees a held-out row. Other hyperparameters are the library's defaults
    unless given.

    Args:
        name: one of `batterymi.config.parts.MODELS`.
        features: the features of the model, which say what is a category.
        columns: all columns that it is given; those that are no category are numbers.
        seed: random state of the trees.
        trees: size of forests.
        settings: hyperparameters of the regressor.

    Returns:
        Encoder and regressor.
    """
    regressor = _regressor(name, seed, trees, settings)
    return Pipeline([("encoder", make_encoder(features, columns)), ("regressor", regressor)])


def fit_model(
    name: str,
    features: Sequence[Feature],
    frame: pd.DataFrame,
    observed: NDArray[np.float64],
    seed: int,
    trees: int = N_TREES,
    settings: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Fit a model.

    The library's checks of its own arguments are left out: the table was checked before, and on a few rows they take
    longer than the fit. A kernel parameter that ends at its bound is no news on such tables either.

    Args:
        name: one of `batterymi.config.parts.MODELS`.
        features: the features of the model.
        frame: values of all its columns, shape (n_rows, n_columns).
        observed: shape (n_rows,).
        seed: random state of the trees.
        trees: size of forests.
        settings: hyperparameters of the regressor.

    Returns:
        The fitted model.
    """
    with warnings.catch_warnings(), config_context(assume_finite=True, skip_parameter_validation=True):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_model(name, features, list(frame.columns), seed, trees, **(settings or {}))
        model.fit(frame, observed)
        if name == "blend":
            model.named_steps["regressor"].scale_learned_ = float(np.std(observed)) or 1.0
        return model


def _regressor(name: str, seed: int, trees: int, settings: Mapping[str, Any]) -> RegressorMixin:
    """The regressor behind a name."""
    match name:
        case "dummy":
            return DummyRegressor()
        case "ridge":
            return RidgeCV(alphas=RIDGE_PENALTIES)
        case "nearest_neighbour":
            return KNeighborsRegressor(1, algorithm="brute")  # a search tree cannot be stored without code
        case "gaussian_process":
            kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(
                length_scale=1.0, length_scale_bounds=(0.1, 100.0), nu=2.5
            ) + WhiteKernel(1e-3, (1e-8, 1.0))
            return GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
        case "random_forest":
            return RandomForestRegressor(trees, random_state=seed, **settings)
        case "extra_trees":
            return ExtraTreesRegressor(trees, random_state=seed, **settings)
        case "gradient_boosting":
            return GradientBoostingRegressor(random_state=seed)
        case "histogram_boosting":
            return HistGradientBoostingRegressor(random_state=seed, **settings)
        case "support_vector":
            return SVR(**{"C": 10.0, **settings})
        case "blend":
            members = settings.get("members", DEFAULT_BLEND)
            return VotingRegressor(
                [
                    (f"{one}_{number}", _regressor(one, seed + number, trees, GRIDS.get(one, ({},))[0]))
                    for number, one in enumerate(members)
                ]
            )
    raise ValueError(f"'{name}' is not a model")


def predict_with_spread(
    model: Pipeline, frame: pd.DataFrame, *, forests_vary: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions, and how their uncertainty varies over the rows.

    The spread is a shape, not yet an interval: the Gaussian process's own standard deviation, and 1 for models that
    have none. `batterymi.statistics.intervals` scales it by the errors on held-out rows.

    Args:
        model: a fitted model.
        frame: its columns, shape (n_rows, n_columns).
        forests_vary: whether forests and blends have a spread too: the standard deviation over their parts, plus a
            tenth of the standard deviation of what they learned, since parts that agree may be wrong together. On a
            handful of rows it says nothing. It depends on the row alone, never on what else is asked with it.

    Returns:
        Means and spreads, each of shape (n_rows,).
    """
    regressor = model.named_steps["regressor"]
    matrix = model.named_steps["encoder"].transform(frame)
    if isinstance(regressor, GaussianProcessRegressor):
        mean, spread = regressor.predict(matrix, return_std=True)
        return mean, np.maximum(spread, 1e-9)
    if isinstance(regressor, VotingRegressor):
        parts = np.stack([part.predict(matrix) for part in regressor.estimators_])
        floor = SPREAD_FLOOR * regressor.scale_learned_
        return parts.mean(axis=0), parts.std(axis=0) + floor if forests_vary else np.ones(len(frame))
    if forests_vary and isinstance(regressor, ExtraTreesRegressor | RandomForestRegressor):
        single = np.ascontiguousarray(matrix, dtype=np.float32)  # what trees take; saves a copy per tree
        answers = np.stack([tree.predict(single, check_input=False) for tree in regressor.estimators_])
        return answers.mean(axis=0), answers.std(axis=0) + SPREAD_FLOOR * scale_learned(regressor)
    return regressor.predict(matrix), np.ones(len(frame))


def scale_learned(forest: ExtraTreesRegressor | RandomForestRegressor) -> float:
    """Standard deviation of the values that a forest learned, from the root of its first tree."""
    tree = forest.estimators_[0].tree_
    return float(np.sqrt(tree.impurity[0])) if tree.impurity[0] > 0 else 1.0
