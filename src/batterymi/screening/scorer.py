"""A stored model that predicts many candidates: prediction, interval, applicability domain, novelty.

Predictions are the model's own; its distances to the rows that it learned from, the applicability domain and the
novelty share one matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.surrogates.distances import Points, Rows, measure_neighbours
from batterymi.surrogates.model import join_predictions, unchecked
from batterymi.surrogates.store import StoredModel

Array = NDArray[np.float64]
SAME = 1e-4  # distance, in deviations of a typical column, below which two compositions are one


@dataclass(frozen=True)
class Predictions:
    """What a model says of candidates, each of shape (n,).

    Attributes:
        mean: prediction.
        half_width: of its 95 % interval.
        spread: of its distribution, as wide as the interval is widened.
        distance: mean distance to the five nearest rows that the model learned from.
        out_of_range: names of the model's numbers that lie outside the range of the rows it learned from, separated by
            blanks.
        inside: whether the candidate lies inside the applicability domain: no farther from the rows than nine tenths of
            the held-out rows were from theirs, and in their range.
        novel: whether no row of the table has the same composition; of a model that takes no formula, whether none
            has the same inputs.
    """

    mean: Array
    half_width: Array
    spread: Array
    distance: Array
    out_of_range: NDArray[np.str_]
    inside: NDArray[np.bool_]
    novel: NDArray[np.bool_]


class Scorer:
    """A stored model that predicts many candidates.

    Attributes:
        threshold: distance up to which candidates lie inside the applicability domain.
    """

    def __init__(
        self, stored: StoredModel, learned: pd.DataFrame, known_rows: pd.DataFrame, threshold: float = np.inf
    ) -> None:
        """Prepare what does not depend on the candidates.

        Args:
            stored: the model.
            learned: the rows of the table that it learned from.
            known_rows: further rows of the table, which are known too.
            threshold: see the class.
        """
        self.threshold = threshold
        learned_numbers = learned[[name for name in stored.features if name not in stored.categories]].astype(float)
        self._lowest, self._highest = learned_numbers.min(), learned_numbers.max()
        self._stored, self._model = stored, stored.fitted
        encoder = self._model.encoder
        self._known = Points(encoder.transform(stored.frame(pd.concat([learned, known_rows]))))
        self._learned = Points(self._known.matrix[: len(learned)])
        # as a rule these are the rows that it learned from, whose distances are needed anyway
        self._shares_distance = np.array_equal(stored.widening.learned, self._learned.matrix)
        numbers = encoder.transformers_[0][2]
        computed = np.zeros(self._known.matrix.shape[1], dtype=bool)
        # the first columns are the plain numbers
        computed[: len(numbers)] = [name not in stored.features for name in numbers]
        self._computed = computed if computed.any() and not computed.all() else slice(None)
        self._compositions = Points(self._known.matrix[:, self._computed])

    @property
    def errors(self) -> Array:
        """Scaled errors of rows that were held out, shape (n,)."""
        return self._stored.errors

    def predict(self, designs: pd.DataFrame) -> Predictions:
        """Predict some candidates.

        Args:
            designs: the columns that the model needs, one row per candidate.
        """
        if not len(designs):
            none = np.empty(0, dtype=bool)
            empty = np.empty(0)
            return Predictions(empty, empty, empty, empty, np.empty(0, dtype=str), none, none)
        chunks = list(self._model.encode_chunks(self._stored.frame(designs), self._known))
        with unchecked():
            mean, spread = join_predictions([self._model.predict_encoded(rows) for rows in chunks])
        distance = np.concatenate([measure_neighbours(rows, self._learned) for rows in chunks])
        widened = spread * self._widen(chunks, distance)
        out_of_range = self._name_out_of_range(designs)
        return Predictions(
            mean,
            self._stored.half_width_per_spread * widened,
            widened,
            distance,
            out_of_range,
            (distance <= self.threshold) & (out_of_range == ""),
            np.concatenate([self._measure_closest(rows) for rows in chunks]) > SAME,
        )

    def _widen(self, chunks: Sequence[Rows], distance: Array) -> Array:
        """Return by what factor intervals are wider than near the learned rows, as `StoredModel.predict` has it."""
        widening = self._stored.widening
        if widening.widens and self._shares_distance:
            return widening.convert_distances(distance)
        return np.concatenate([widening.compute_factors(rows) for rows in chunks])

    def _name_out_of_range(self, designs: pd.DataFrame) -> NDArray[np.str_]:
        """Return the names of each candidate's numbers that lie outside the range of the rows, shape (n,)."""
        names = np.array(self._lowest.index, dtype=str)
        numbers = designs[list(self._lowest.index)].astype(float)
        wrong = ((numbers < self._lowest) | (numbers > self._highest)).to_numpy(bool)
        return np.array([" ".join(names[row]) for row in wrong], dtype=str)

    def _measure_closest(self, rows: Rows) -> Array:
        """Return the distance to the nearest known row in what is computed from formulas, shape (n,)."""
        if isinstance(self._computed, slice):
            squared = rows.square_distances(self._known)
        else:
            squared = Rows(rows.matrix[:, self._computed]).square_distances(self._compositions)
        return np.asarray(np.sqrt(squared.min(axis=1) / self._compositions.matrix.shape[1]))
