"""Forests and boosted trees."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)

from batterymi.arrays import Array
from batterymi.surrogates.distances import Rows
from batterymi.surrogates.families.small_trees import fit_boosting, fit_forest, predict_forest
from batterymi.surrogates.model import N_TREES, SPREAD_FLOOR, Model, Options

TREE = "sklearn.tree._tree.Tree"
FEW_ROWS = 100


class Forest(Model):
    """An average of trees; with a local spread, the standard deviation over them and a floor."""

    trusted = (TREE,)

    def fit_regressor(self, matrix: Array, observed: Array, weights: Array | None) -> None:
        """Fit the forest."""
        fit_forest(self.regressor, matrix, observed, weights)

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads of encoded rows."""
        if not self.local_spread:
            return predict_forest(self.regressor, rows.matrix), np.ones(len(rows))
        single = np.ascontiguousarray(rows.matrix, dtype=np.float32)  # what trees take; saves a copy per tree
        by_tree = np.stack([tree.tree_.predict(single)[:, 0] for tree in self.regressor.estimators_])
        return by_tree.mean(axis=0), by_tree.std(axis=0) + SPREAD_FLOOR * self.scale_learned()

    def scale_learned(self) -> float:
        """Return the standard deviation of what it learned, from the root of its first tree."""
        impurity = self.regressor.estimators_[0].tree_.impurity[0]
        return float(np.sqrt(impurity)) if impurity > 0 else 1.0


class RandomForest(Forest):
    """Trees on resampled rows, with the best of some splits."""

    grid = ({"max_features": 1.0}, {"max_features": 0.33}, {"max_features": 0.33, "min_samples_leaf": 3})

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> RandomForestRegressor:
        """Return the unfitted regressor."""
        return RandomForestRegressor(options.trees, random_state=options.seed, **settings)


class ExtraTrees(Forest):
    """Trees with random splits, which are smoother on few rows."""

    grid = ({"max_features": 0.33}, {"max_features": 1.0}, {"max_features": 0.33, "min_samples_leaf": 3})

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> ExtraTreesRegressor:
        """Return the unfitted regressor."""
        return ExtraTreesRegressor(options.trees, random_state=options.seed, **settings)


class GradientBoosting(Model):
    """Small trees, each fitted to the errors of those before."""

    trusted = (TREE,)

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> GradientBoostingRegressor:
        """Return the unfitted regressor."""
        return GradientBoostingRegressor(n_estimators=min(options.trees, N_TREES), random_state=options.seed)

    def fit_regressor(self, matrix: Array, observed: Array, weights: Array | None) -> None:
        """Fit the trees."""
        fit_boosting(self.regressor, matrix, observed, weights)


class HistogramBoosting(Model):
    """Boosted trees on binned numbers, fast on many rows."""

    grid = (
        {
            "learning_rate": 0.06,
            "max_iter": 200,
            "max_features": 0.1,
            "min_samples_leaf": 4,
            "max_leaf_nodes": 15,
            "max_bins": 63,
        },
        {"learning_rate": 0.06, "max_iter": 100, "max_features": 0.3, "min_samples_leaf": 15, "max_bins": 63},
    )
    trusted = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.utils._bunch.Bunch")

    @classmethod
    def choose_settings(cls, n_rows: int) -> dict[str, Any]:
        """Return hyperparameters for a number of rows; the usual size of a leaf splits nothing where they are few."""
        return {**cls.grid[0], **({"min_samples_leaf": 2} if n_rows < FEW_ROWS else {})}

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> HistGradientBoostingRegressor:
        """Return the unfitted regressor."""
        return HistGradientBoostingRegressor(random_state=options.seed, **settings)
