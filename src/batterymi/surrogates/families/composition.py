"""The nearest composition: what a chemist would look up first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

from batterymi.arrays import Array, Indices
from batterymi.features.composition import list_fraction_labels
from batterymi.surrogates.distances import Rows
from batterymi.surrogates.model import Model, Options

SAME = 1e-6  # difference of distances, in atoms per atom, below which two compositions are equally near


class NearestComposition(Model):
    """The value of the row of nearest composition; a baseline.

    The distance of two compositions is half the sum of absolute differences of their atomic fractions: the share of
    atoms that have to be exchanged. Rows that are equally near, as those of one composition, are averaged. In hundreds
    of scaled columns the nearest row is often another one, since every element is a column of the same weight as the
    rarest property, and a fair comparison should not rest on that. The fractions are those of the descriptor
    `element_fractions`; without it, all columns are compared in that way.

    Attributes:
        places: columns of the encoded matrix that are fractions, shape (n_fractions,).
        fractions: of the learned rows, shape (n_rows, n_fractions).
        values: of the learned rows, shape (n_rows,).
    """

    kept = (*Model.kept, "places", "fractions", "values")
    places: Indices
    fractions: Array
    values: Array

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> None:
        """Return nothing: the rows are all that it keeps."""

    def fit_encoded(self, matrix: Array, observed: Array, errors: Array | None = None) -> None:
        """Keep the rows; errors change nothing, since a single row decides."""
        self.places = _find_fractions(self.encoder, matrix.shape[1])
        self.fractions, self.values = self._take_fractions(matrix), np.asarray(observed, dtype=float)

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means, and spreads of 1."""
        distance = cdist(self._take_fractions(rows.matrix), self.fractions, "cityblock") / 2
        is_nearest = distance <= distance.min(axis=1, keepdims=True) + SAME
        return (is_nearest @ self.values) / is_nearest.sum(axis=1), np.ones(len(rows))

    def _take_fractions(self, matrix: Array) -> Array:
        """Return the fractions of encoded rows, as they were before the encoder scaled them."""
        scaler = _find_scaler(self.encoder)
        if scaler is None:
            return matrix[:, self.places]
        return np.asarray(matrix[:, self.places] * scaler.scale_[self.places] + scaler.mean_[self.places])


def _find_scaler(encoder: Any) -> StandardScaler | None:
    """Return what scales the plain numbers, the first columns; None where there are none."""
    if encoder is None or encoder.transformers_[0][0] != "numbers":
        return None
    step = encoder.transformers_[0][1]
    return step if isinstance(step, StandardScaler) else step[0]


def _find_fractions(encoder: Any, n_columns: int) -> Indices:
    """Return which encoded columns are atomic fractions: numbers that are named after an element; else all numbers."""
    scaler = _find_scaler(encoder)
    if scaler is None:
        return np.arange(n_columns)
    names, known = encoder.transformers_[0][2], set(list_fraction_labels())
    # a descriptor's name comes before that of its column
    places = [place for place, name in enumerate(names) if str(name).rpartition(": ")[2] in known]
    return np.array(places or range(len(names)))
