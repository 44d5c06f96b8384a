"""Baselines: the mean, a straight line, the nearest row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor

from batterymi.surrogates.model import Model, Options

RIDGE_PENALTIES = tuple(10.0**power for power in np.arange(-3, 3.5, 0.5))


class Dummy(Model):
    """The mean of the rows; a baseline."""

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> DummyRegressor:
        """Return the unfitted regressor."""
        return DummyRegressor()


class Ridge(Model):
    """A linear model whose penalty is chosen by leave-one-out within its rows; a baseline."""

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> RidgeCV:
        """Return the unfitted regressor."""
        return RidgeCV(alphas=RIDGE_PENALTIES)


class NearestNeighbour(Model):
    """The value of the most similar row."""

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> KNeighborsRegressor:
        """Return the unfitted regressor."""
        return KNeighborsRegressor(1, algorithm="brute")  # a search tree cannot be stored without code
