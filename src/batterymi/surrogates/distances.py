"""Distances between encoded rows, each computed once and shared by all that need it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from batterymi.arrays import Array, Indices

FEW_COLUMNS = 16  # up to which differences are as fast as a matrix product, and exact
N_NEIGHBOURS = 5
PIECE = 512  # rows whose distances to a table's rows stay in the processor's cache


class Points:
    """Fixed points to which distances are wanted, as the rows that a model learned from."""

    def __init__(self, matrix: Array) -> None:
        """Prepare what does not depend on the rows.

        Args:
            matrix: shape (n_points, n_columns).
        """
        self.matrix = np.ascontiguousarray(matrix, dtype=float)
        self.squares = (self.matrix**2).sum(axis=1)
        self._located: tuple[Points, Indices | slice | None] | None = None

    def __len__(self) -> int:
        return len(self.matrix)

    def locate_among(self, known: "Points") -> Indices | slice | None:
        """Return the positions of these points among known ones; None if any of them is not there."""
        if self._located is None or self._located[0] is not known:
            self._located = known, self._search_among(known)
        return self._located[1]

    def _search_among(self, known: "Points") -> Indices | slice | None:
        """Return where these points are: a slice if they come first in the same order, which copies nothing."""
        if np.array_equal(known.matrix[: len(self)], self.matrix):
            return slice(0, len(self))
        rows = {row.tobytes(): number for number, row in enumerate(known.matrix)}
        found = np.array([rows.get(row.tobytes(), -1) for row in self.matrix])
        return found if found.min() >= 0 else None

    def measure_from(self, matrix: Array) -> Array:
        """Return squared Euclidean distances of rows to the points, shape (n_rows, n_points), never below zero.

        In few columns they are sums of squared differences; in many, one matrix product, which is far faster and
        exact to about 1e-13 of the rows' own squared length.
        """
        if matrix.shape[1] <= FEW_COLUMNS:
            from scipy.spatial.distance import cdist

            return np.asarray(cdist(matrix, self.matrix, "sqeuclidean"))
        found: Array = matrix @ self.matrix.T
        found *= -2
        found += (matrix**2).sum(axis=1)[:, None]
        found += self.squares
        # cancellation can leave small negative values
        return np.maximum(found, 0, out=found)


class Rows:
    """Encoded rows, which remember their distances to known points.

    Attributes:
        matrix: shape (n_rows, n_columns).
        graphs: of the sites of each row's structure, for models that take them; None if rows have none.
    """

    def __init__(
        self,
        matrix: Array,
        known: Points | None = None,
        to_known: Array | None = None,
        graphs: Sequence[Any] | None = None,
    ) -> None:
        """Take the rows.

        Args:
            matrix: shape (n_rows, n_columns).
            known: points to which all distances are wanted anyway.
            to_known: squared distances to them, if they were made before.
            graphs: of the rows, each a `SiteGraph` or None.
        """
        self.matrix, self.graphs = matrix, graphs
        self._known, self._to_known = known, to_known

    def __len__(self) -> int:
        return len(self.matrix)

    def square_distances(self, points: Points) -> Array:
        """Return squared distances to points, shape (n_rows, n_points); those to known points are made once."""
        places = None if self._known is None else points.locate_among(self._known)
        if places is None:
            return points.measure_from(np.ascontiguousarray(self.matrix, dtype=float))
        return self._measure_known()[:, places]

    def _measure_known(self) -> Array:
        """Return squared distances to the known points."""
        if self._to_known is None:
            assert self._known is not None
            self._to_known = self._known.measure_from(np.ascontiguousarray(self.matrix, dtype=float))
        return self._to_known

    def split(self) -> Iterator["Rows"]:
        """Yield the rows in pieces so small that matrices of their distances stay in the processor's cache."""
        to_known = None if self._known is None else self._measure_known()
        for start in range(0, len(self), PIECE):
            part = slice(start, start + PIECE)
            distances = None if to_known is None else to_known[part]
            yield Rows(self.matrix[part], self._known, distances, None if self.graphs is None else self.graphs[part])


def measure_neighbours(rows: Rows, learned: Points) -> Array:
    """Return the mean distance of encoded rows to the five nearest rows that a model learned from.

    Args:
        rows: the rows in question.
        learned: rows that the model learned from, encoded alike.

    Returns:
        Root mean square over the columns, so in standard deviations of a typical column; shape (n_rows,).
    """
    n = min(N_NEIGHBOURS, len(learned))
    nearest = np.partition(rows.square_distances(learned), n - 1, axis=1)[:, :n]
    return np.asarray(np.sqrt(nearest).mean(axis=1) / np.sqrt(rows.matrix.shape[1]))
