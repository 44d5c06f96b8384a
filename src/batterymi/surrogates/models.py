"""The models that studies compare, each behind the same encoder and with a local spread."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline

from batterymi.config.parts import Feature
from batterymi.features.encode import make_encoder

N_TREES = 100
RIDGE_PENALTIES = tuple(10.0**power for power in np.arange(-3, 3.5, 0.5))


def make_model(name: str, features: Sequence[Feature], seed: int) -> Pipeline:
    """Build an unfitted model.

    Ridge picks its penalty by leave-one-out within the rows it is given, the Gaussian process its kernel's
    parameters by marginal likelihood, so neither sees a held-out row. The trees keep the library's defaults: on
    tables this small there is nothing to tune them with.

    Args:
        name: one of `batterymi.config.parts.MODELS`.
        features: the features of the model.
        seed: random state of the trees.

    Returns:
        Encoder and regressor.
    """
    return Pipeline([("encoder", make_encoder(features)), ("regressor", _regressor(name, seed))])


def fit_model(
    name: str, features: Sequence[Feature], frame: pd.DataFrame, observed: NDArray[np.float64], seed: int
) -> Pipeline:
    """Fit a model.

    The library's checks of its own arguments are left out: the table was checked before, and on a few rows they take
    longer than the fit. A kernel parameter that ends at its bound is no news on such tables either.

    Args:
        name: one of `batterymi.config.parts.MODELS`.
        features: the features of the model.
        frame: their values, shape (n_rows, n_features).
        observed: shape (n_rows,).
        seed: random state of the trees.

    Returns:
        The fitted model.
    """
    with warnings.catch_warnings(), config_context(assume_finite=True, skip_parameter_validation=True):
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_model(name, features, seed).fit(frame, observed)


def _regressor(name: str, seed: int) -> RegressorMixin:
    """The regressor behind a name."""
    match name:
        case "dummy":
            return DummyRegressor()
        case "ridge":
            return RidgeCV(alphas=RIDGE_PENALTIES)
        case "gaussian_process":
            kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(
                length_scale=1.0, length_scale_bounds=(0.1, 100.0), nu=2.5
            ) + WhiteKernel(1e-3, (1e-8, 1.0))
            return GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
        case "random_forest":
            return RandomForestRegressor(N_TREES, random_state=seed)
        case "extra_trees":
            return ExtraTreesRegressor(N_TREES, random_state=seed)
        case "gradient_boosting":
            return GradientBoostingRegressor(random_state=seed)
    raise ValueError(f"'{name}' is not a model")


def predict_with_spread(model: Pipeline, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions, and how their uncertainty varies over the rows.

    The spread is a shape, not yet an interval: the Gaussian process's own standard deviation, and 1 for models
    that have none. `batterymi.surrogates.intervals` scales it by the errors on held-out rows.

    Args:
        model: a fitted model.
        frame: features, shape (n_rows, n_features).

    Returns:
        Means and spreads, each of shape (n_rows,).
    """
    regressor = model.named_steps["regressor"]
    if isinstance(regressor, GaussianProcessRegressor):
        mean, spread = regressor.predict(model.named_steps["encoder"].transform(frame), return_std=True)
        return mean, np.maximum(spread, 1e-9)
    return model.predict(frame), np.ones(len(frame))
