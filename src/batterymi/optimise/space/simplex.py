"""Compositions of few parts: bounded fractions of a whole, sampled and mapped without rejection."""

import itertools
from collections.abc import Sequence

import numpy as np

from batterymi.arrays import Array

MAX_PARTS = 8


class BoundedSimplex:
    """All x with lower ≤ x ≤ upper and sum(x) = total.

    Attributes:
        lower: shape (n_parts,), tightened to what the other parts leave possible.
        upper: shape (n_parts,), tightened likewise.
        total: what the parts add up to.
        corners: the extreme compositions, shape (n_corners, n_parts).
    """

    def __init__(self, bounds: Sequence[tuple[float, float]], total: float = 1.0) -> None:
        """Tighten the bounds, and cut the set into triangles to sample from.

        Args:
            bounds: lower and upper bound of each part.
            total: what the parts add up to.

        Raises:
            ValueError: if no composition meets the bounds, or there are more than 8 parts.
        """
        lower, upper = np.array(bounds, float).T
        if len(bounds) > MAX_PARTS:
            raise ValueError(f"{len(bounds)} parts; compositions of up to {MAX_PARTS} are supported")
        if not lower.sum() < total < upper.sum():
            raise ValueError(f"no composition meets the bounds: they add up to {lower.sum():g} to {upper.sum():g}")
        self.total = total
        self.lower = np.maximum(lower, total - (upper.sum() - upper))
        self.upper = np.minimum(upper, total - (lower.sum() - lower))
        self.corners = self._find_corners()

    def sample(self, rng: np.random.Generator, n: int) -> Array:
        """Draw compositions uniformly.

        Args:
            rng: source of randomness.
            n: how many.

        Returns:
            Shape (n, n_parts); every row adds up to the total.
        """
        from scipy.spatial import Delaunay

        free = self.corners[:, :-1]
        # Delaunay needs at least two dimensions
        if free.shape[1] == 1:
            points = rng.uniform(free.min(), free.max(), size=(n, 1))
            return self._append_last_part(points)
        whole = len(free) == free.shape[1] + 1
        # QJ joggles the input, since corners of a box often lie on one sphere
        triangles = free[None] if whole else free[Delaunay(free, qhull_options="QJ Pp").simplices]
        volumes = np.abs(np.linalg.det(triangles[:, 1:] - triangles[:, :1]))
        # by volume, or small simplices would be sampled too densely
        chosen = triangles[rng.choice(len(triangles), size=n, p=volumes / volumes.sum())]
        # Dirichlet(1, ..., 1) is uniform on a simplex
        weights = rng.dirichlet(np.ones(free.shape[1] + 1), size=n)
        return self._append_last_part(np.einsum("nk,nkd->nd", weights, chosen))

    def from_unit(self, unit: Array) -> Array:
        """Map the unit cube onto the set, part by part, each within what the remaining parts leave.

        Args:
            unit: shape (n, n_parts - 1), within 0 to 1.

        Returns:
            Shape (n, n_parts).
        """
        parts = np.zeros((len(unit), len(self.lower)))
        for i in range(len(self.lower) - 1):
            low, high = self._compute_room(parts, i)
            parts[:, i] = low + unit[:, i] * (high - low)
        return self._append_last_part(parts[:, :-1])

    def to_unit(self, parts: Array) -> Array:
        """Undo `from_unit`; where a part has one possible value, its coordinate is 0.

        Args:
            parts: shape (n, n_parts).

        Returns:
            Shape (n, n_parts - 1).
        """
        unit = np.zeros((len(parts), len(self.lower) - 1))
        for i in range(unit.shape[1]):
            low, high = self._compute_room(parts, i)
            room = high - low
            unit[:, i] = np.where(room > 0, (parts[:, i] - low) / np.where(room > 0, room, 1), 0)
        return np.clip(unit, 0, 1)

    def _compute_room(self, parts: Array, i: int) -> tuple[Array, Array]:
        """Compute the least and the greatest value of part i, given the parts before it."""
        left = self.total - parts[:, :i].sum(axis=1)
        low = np.maximum(self.lower[i], left - self.upper[i + 1 :].sum())
        high = np.minimum(self.upper[i], left - self.lower[i + 1 :].sum())
        # rounding can put the upper end just below the lower one
        return low, np.maximum(low, high)

    def _append_last_part(self, free: Array) -> Array:
        """Append the last part, and fix the last bit of rounding."""
        free = np.clip(free, self.lower[:-1], self.upper[:-1])
        last = self.total - free.sum(axis=1, keepdims=True)
        return np.hstack([free, np.clip(last, self.lower[-1], self.upper[-1])])

    def _find_corners(self) -> Array:
        """Find the corners: all parts but one at a bound, that one taking what is left within its bounds."""
        found, slack = [], 1e-12 * self.total
        for taker in range(len(self.lower)):
            bounded = [i for i in range(len(self.lower)) if i != taker]
            for ends in itertools.product((0, 1), repeat=len(bounded)):
                point = np.empty(len(self.lower))
                point[bounded] = [(self.lower, self.upper)[end][i] for end, i in zip(ends, bounded, strict=True)]
                point[taker] = self.total - point[bounded].sum()
                if self.lower[taker] - slack <= point[taker] <= self.upper[taker] + slack:
                    found.append(point)
        # a corner is found more than once, with different last bits
        return np.unique(np.round(found, 12), axis=0)
