"""Encoded rows of a problem, made once for all models that learn from the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.parts import Feature
from batterymi.features.encode import make_encoder
from batterymi.surrogates.model import unchecked

MOST_KEPT = 64_000_000  # bytes; on few rows, encoding takes longer than many a fit


@dataclass
class Encodings:
    """Encoders and matrices by the rows that they were fitted to, kept while there is room.

    Attributes:
        kept: of each set of rows: the frame, which must be the same object, the encoder and the matrix.
        room: bytes that are left.
    """

    kept: dict[tuple[int, bytes, bytes], tuple[pd.DataFrame, Any, Array]] = field(default_factory=dict)
    room: int = MOST_KEPT

    def fit(self, features: Sequence[Feature], frame: pd.DataFrame, rows: Indices) -> tuple[Any, Array]:
        """Return an encoder that is fitted to some rows, and their matrix.

        Args:
            features: its features, which say what is a category.
            frame: values of all columns, shape (n, n_columns).
            rows: indices of the rows, shape (n_rows,).
        """
        key = id(frame), rows.tobytes(), b""
        if key in self.kept:
            return self.kept[key][1:]
        with unchecked():
            encoder = make_encoder(features, list(frame.columns))
            matrix = encoder.fit_transform(frame.iloc[rows])
        self._keep(key, frame, encoder, matrix)
        return encoder, matrix

    def transform(self, encoder: Any, frame: pd.DataFrame, rows: Indices, learned: Indices) -> Array:
        """Return the matrix of some rows by an encoder that was fitted to others, `learned`."""
        key = id(frame), learned.tobytes(), rows.tobytes()
        if key in self.kept:
            return self.kept[key][2]
        with unchecked():
            matrix: Array = encoder.transform(frame.iloc[rows])
        self._keep(key, frame, encoder, matrix)
        return matrix

    def _keep(self, key: tuple[int, bytes, bytes], frame: pd.DataFrame, encoder: Any, matrix: Array) -> None:
        """Keep a matrix, if there is room; the frame too, so that no other can take its place in memory."""
        if matrix.nbytes <= self.room:
            self.kept[key] = frame, encoder, matrix
            self.room -= matrix.nbytes
