"""A stored model as a fast function of many candidates: mean, interval, distance to the rows, novelty.

The answers are those of `StoredModel.predict` and `neighbour_distance` to rounding; what is faster is that distances to
the rows are one matrix product, made once for the model's kernel, the applicability and the novelty.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from sklearn import config_context
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.svm import SVR

from batterymi.surrogates.applicability import N_NEIGHBOURS
from batterymi.surrogates.models import SPREAD_FLOOR, scale_learned
from batterymi.surrogates.store import StoredModel

Array = NDArray[np.float64]
PIECE = 512
SAME = 1e-4  # distance, in deviations of a typical column, below which two compositions are one


@dataclass(frozen=True)
class Answers:
    """What a model says of candidates, each of shape (n,).

    Attributes:
        mean: prediction.
        half_width: of its 95 % interval.
        distance: mean distance to the five nearest rows that the model learned from, as `neighbour_distance`.
        novel: whether no row of the table has the same composition; of a model that takes no formula, whether none
            has the same inputs.
    """

    mean: Array
    half_width: Array
    distance: Array
    novel: NDArray[np.bool_]


class Scorer:
    """A stored model that is asked for many candidates.

    Attributes:
        threshold: distance up to which candidates lie on the model's ground.
    """

    def __init__(
        self, stored: StoredModel, learned: pd.DataFrame, others: pd.DataFrame, threshold: float = np.inf
    ) -> None:
        """Prepare what does not depend on the candidates.

        Args:
            stored: the model.
            learned: the rows of the table that it learned from.
            others: further rows of the table, which are known too.
            threshold: distance up to which candidates are inside.
        """
        self.threshold = threshold
        self._stored = stored
        self._encoder = stored.pipeline.named_steps["encoder"]
        known = pd.concat([learned, others])
        self._known = np.ascontiguousarray(self._encoder.transform(stored.frame(known)), dtype=float)
        self._squares = (self._known**2).sum(axis=1)
        self._n_learned = len(learned)
        numbers = self._encoder.transformers_[0][2]
        given = np.array([name in stored.features for name in numbers])
        self._computed = ~given if given.any() and not given.all() else None
        self._answer = _compiled(stored.pipeline.named_steps["regressor"], self._known, stored.forests_vary)

    def ask(self, designs: pd.DataFrame) -> Answers:
        """Answers for some candidates.

        Args:
            designs: the columns that the model needs, one row per candidate.
        """
        if not len(designs):
            nothing = np.empty(0)
            return Answers(nothing, nothing, nothing, np.empty(0, dtype=bool))
        matrix = np.ascontiguousarray(self._encoder.transform(self._stored.frame(designs)), dtype=float)
        squared = _squared_distances(matrix, self._known, self._squares)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            mean, spread = self._answer(matrix, squared)
        n, columns = min(N_NEIGHBOURS, self._n_learned), matrix.shape[1]
        nearest = np.partition(squared[:, : self._n_learned], n - 1, axis=1)[:, :n]
        if self._computed is None:
            closest = (
                np.minimum(nearest.min(axis=1), squared[:, self._n_learned :].min(axis=1, initial=np.inf)) / columns
            )
        else:
            closest = self._closest_composition(matrix)
        return Answers(
            mean,
            self._stored.half_width_per_spread * spread,
            np.sqrt(nearest).mean(axis=1) / np.sqrt(columns),
            np.sqrt(closest) > SAME,
        )

    def _closest_composition(self, matrix: Array) -> Array:
        """Mean squared distance to the nearest row in what is computed from formulas, shape (n,)."""
        known, asked = self._known[:, self._computed], matrix[:, self._computed]
        return _squared_distances(asked, known, (known**2).sum(axis=1)).min(axis=1) / known.shape[1]


Regressor = Callable[[Array, Array], tuple[Array, Array]]
Finder = Callable[[Array, Array], Array]


def _compiled(regressor: RegressorMixin, known: Array, forests_vary: bool) -> Regressor:
    """A regressor as a function of inputs and their squared distances to the known rows; means and spreads.

    Mirrors `batterymi.surrogates.models.predict_with_spread`.
    """
    if isinstance(regressor, GaussianProcessRegressor):
        return _gaussian_process(regressor, known)
    if isinstance(regressor, VotingRegressor):
        parts = [_compiled(part, known, forests_vary=False) for part in regressor.estimators_]
        floor = SPREAD_FLOOR * regressor.scale_learned_

        def vote(matrix: Array, squared: Array) -> tuple[Array, Array]:
            means = np.stack([part(matrix, squared)[0] for part in parts])
            return means.mean(axis=0), means.std(axis=0) + floor if forests_vary else np.ones(len(matrix))

        return vote
    if isinstance(regressor, ExtraTreesRegressor | RandomForestRegressor):
        trees = [tree.tree_ for tree in regressor.estimators_]
        floor = SPREAD_FLOOR * scale_learned(regressor)

        def grow(matrix: Array, squared: Array) -> tuple[Array, Array]:
            single = matrix.astype(np.float32)
            answers = np.stack([tree.predict(single)[:, 0] for tree in trees])
            return answers.mean(axis=0), answers.std(axis=0) + floor if forests_vary else np.ones(len(matrix))

        return grow
    if isinstance(regressor, SVR):
        return _support_vectors(regressor, known)
    return lambda matrix, squared: (regressor.predict(matrix), np.ones(len(matrix)))


def _gaussian_process(model: GaussianProcessRegressor, known: Array) -> Regressor:
    """Posterior of a Gaussian process with the kernel constant * Matérn 5/2 + white noise."""
    kernel = model.kernel_
    scale, noise = kernel.k1.k1.constant_value, kernel.k2.noise_level
    length = float(kernel.k1.k2.length_scale)
    at, weights, factor = model.X_train_, model.alpha_, np.asfortranarray(model.L_)
    centre, width = float(model._y_train_mean), float(model._y_train_std)
    find = _finder(at, known)

    def answer(matrix: Array, squared: Array) -> tuple[Array, Array]:
        scaled = np.sqrt(5 * find(matrix, squared)) / length
        covariance = scale * (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
        mean = covariance @ weights
        solved = solve_triangular(factor, covariance.T, lower=True, check_finite=False)
        variance = np.maximum(scale + noise - np.einsum("ij,ij->j", solved, solved), 0)
        return mean * width + centre, np.maximum(np.sqrt(variance) * width, 1e-9)

    return _in_pieces(answer)


def _support_vectors(model: SVR, known: Array) -> Regressor:
    """A support vector regressor with a Gaussian kernel."""
    find = _finder(model.support_vectors_, known)
    weights, gamma, offset = model.dual_coef_[0], model._gamma, float(model.intercept_[0])

    def answer(matrix: Array, squared: Array) -> tuple[Array, Array]:
        return np.exp(-gamma * find(matrix, squared)) @ weights + offset, np.ones(len(matrix))

    return _in_pieces(answer)


def _in_pieces(answer: Regressor) -> Regressor:
    """The same regressor, asked for so few candidates at once that its matrices stay in the processor's cache."""

    def pieces(matrix: Array, squared: Array) -> tuple[Array, Array]:
        parts = [slice(start, start + PIECE) for start in range(0, len(matrix), PIECE)]
        answers = [answer(matrix[part], squared[part]) for part in parts]
        return np.concatenate([mean for mean, _ in answers]), np.concatenate([spread for _, spread in answers])

    return pieces


def _finder(at: Array, known: Array) -> Finder:
    """Squared distances to some points, taken from those to the known rows where the points are among these."""
    rows = {row.tobytes(): number for number, row in enumerate(known)}
    found = [rows.get(np.ascontiguousarray(row).tobytes(), -1) for row in at]
    if min(found) >= 0:
        columns = np.array(found)
        whole = len(columns) <= known.shape[0] and np.array_equal(columns, np.arange(len(columns)))
        return lambda matrix, squared: squared[:, : len(columns)] if whole else squared[:, columns]
    squares = (at**2).sum(axis=1)
    return lambda matrix, squared: _squared_distances(matrix, at, squares)


def _squared_distances(left: Array, right: Array, right_squares: Array) -> Array:
    """Squared Euclidean distances, shape (n_left, n_right), never below zero."""
    found = left @ right.T
    found *= -2
    found += (left**2).sum(axis=1)[:, None]
    found += right_squares
    return np.maximum(found, 0, out=found)
