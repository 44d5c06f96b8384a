"""Designs on equality constraints: solved for by Gauss-Newton steps, and among steps by exchanges."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.config.expressions import Expression
from batterymi.optimise.space.coding import Coding

DEFAULT_TOLERANCE = 1e-7  # of the range of the difference of both sides
N_ITERATIONS = 25
STEP = 1e-6
N_STEPS = 3  # on either side that are tried where numbers move in steps
N_EXCHANGES = 8


@dataclass(frozen=True)
class Equalities:
    """Equality constraints of designs.

    Attributes:
        expressions: the constraints.
        declared: their tolerances; None for the default.
        coding: of designs.
    """

    expressions: tuple[Expression, ...]
    declared: tuple[float | None, ...]
    coding: Coding

    def compute_differences(self, codes: Array) -> Array:
        """Compute left side less right side of each, shape (n, n_equalities); what is undefined is far off."""
        values = self.coding.get_values(codes)
        found = np.column_stack([expression.compute_difference(values) for expression in self.expressions])
        return np.nan_to_num(found, nan=1e6, posinf=1e6, neginf=-1e6)

    def find_tolerances(self) -> Array:
        """Find how far both sides of each may differ, shape (n_equalities,)."""
        coding = self.coding
        # a fixed seed, so that the tolerance is the same in every call
        drawn = coding.lower + np.random.default_rng(0).random((256, len(coding.features))) * coding.width
        spread = np.ptp(self.compute_differences(drawn), axis=0)
        return np.array(
            [
                tolerance or max(DEFAULT_TOLERANCE * width, 1e-12)
                for tolerance, width in zip(self.declared, spread, strict=True)
            ]
        )

    def solve(self, codes: Array, tolerances: Array) -> Array:
        """Return designs moved onto all equalities, as far as bounds allow, whatever the steps.

        Args:
            codes: shape (n, n_features).
            tolerances: from `find_tolerances`.
        """
        unit, free = self.coding.compute_coordinates(codes), self._find_coordinates()
        placed = codes.copy()
        for _ in range(N_ITERATIONS if len(free) else 0):
            gaps = self.compute_differences(placed)
            left = np.flatnonzero((np.abs(gaps) > 0.1 * tolerances).any(axis=1))
            if not len(left):
                break
            slopes = self._compute_slopes(unit[left], codes[left], gaps[left], free)
            own = unit[np.ix_(left, free)]
            unit[np.ix_(left, free)] = np.clip(own + _find_step(own, slopes, gaps[left]), 0, 1)
            placed[left] = self._place(unit[left], codes[left])
        return placed

    @cached_property
    def _uses_parts(self) -> bool:
        """Return whether an equality is on a part of the composition."""
        used = {name for expression in self.expressions for name in expression.columns}
        return bool(used & set(self.coding.parts))

    def _find_coordinates(self) -> Indices:
        """Return the places of the coordinates that the equalities depend on."""
        used = {name for expression in self.expressions for name in expression.columns}
        numbers = [place for place, feature in enumerate(self.coding.numbers) if feature.name in used]
        parts = range(len(self.coding.numbers), self.coding.n_numbers) if self._uses_parts else ()
        return np.array([*numbers, *parts], dtype=np.intp)

    def _place(self, unit: Array, codes: Array) -> Array:
        """Return designs at coordinates; a composition that no equality is on stays as it is."""
        place = self.coding.place if self._uses_parts else self.coding.place_numbers
        return place(unit, codes)

    def _compute_slopes(self, unit: Array, codes: Array, gaps: Array, free: Indices) -> Array:
        """Compute the derivatives of the differences by some coordinates, shape (n, n_equalities, n_coordinates)."""
        n, d = len(unit), len(free)
        steps = np.where(unit[:, free] > 0.5, -STEP, STEP)
        points = np.repeat(unit[:, None, :], d, axis=1)
        points[:, np.arange(d), free] += steps
        placed = self._place(points.reshape(n * d, -1), np.repeat(codes, d, axis=0))
        moved = self.compute_differences(placed).reshape(n, d, -1)
        slopes = np.swapaxes((moved - gaps[:, None, :]) / steps[:, :, None], 1, 2)
        # undefined differences have no slope to go along
        return np.where(np.abs(slopes) < 1e10, slopes, 0.0)

    def round_to_steps(self, codes: Array, tolerances: Array, snap: Callable[[Array], Array]) -> Array:
        """Return designs on steps near given ones that meet the equalities, as far as such are found.

        Args:
            codes: designs on the equalities.
            tolerances: from `find_tolerances`.
            snap: rounds designs to steps.
        """
        found = snap(codes)
        left = np.flatnonzero(self._exceed(found, tolerances) > 1)
        columns = self._find_columns()
        for _ in range(N_EXCHANGES):
            if not len(left):
                break
            tried = [*self._solve_one(found[left], columns, snap), *self._exchange_parts(found[left])]
            if not tried:
                break
            excess = np.array([self._exceed(candidate, tolerances) for candidate in tried])
            best = excess.argmin(axis=0)
            better = excess[best, np.arange(len(left))] < self._exceed(found[left], tolerances) * (1 - 1e-9)
            moved = np.array(tried)[best, np.arange(len(left))]
            found[left[better]] = moved[better]
            left = left[better & (self._exceed(moved, tolerances) > 1)]
        return found

    def _exceed(self, codes: Array, tolerances: Array) -> Array:
        """Return the largest difference of each design, in units of its tolerance."""
        return np.asarray((np.abs(self.compute_differences(codes)) / tolerances).max(axis=1))

    def _find_columns(self) -> list[int]:
        """Return the columns of numbers outside the composition that the equalities use."""
        used = {name for expression in self.expressions for name in expression.columns}
        held = {column for column, _ in self.coding.fixed}
        numbers = [self.coding.names.index(feature.name) for feature in self.coding.numbers if feature.name in used]
        return [column for column in numbers if column not in held]

    def _solve_one(self, codes: Array, columns: list[int], snap: Callable[[Array], Array]) -> list[Array]:
        """Return designs in which one number is some steps off, and another one is solved for."""
        features, found = self.coding.features, []
        for column in columns:
            found.append(snap(self._solve_for(codes, column)))
            for other in (i for i in columns if i != column):
                step = features[other].step
                for count in (-N_STEPS, -2, -1, 1, 2, N_STEPS) if step else ():
                    shifted = codes.copy()
                    shifted[:, other] += count * (step or 0.0)
                    found.append(snap(self._solve_for(snap(shifted), column)))
        return found

    def _solve_for(self, codes: Array, column: int) -> Array:
        """Return designs with one number changed by Newton steps, such that it meets the equality that is most off."""
        solved, rows, coding = codes.copy(), np.arange(len(codes)), self.coding
        name = coding.names[column]
        own = [j for j, expression in enumerate(self.expressions) if name in expression.columns]
        low, high = coding.lower[column], coding.lower[column] + coding.width[column]
        h = STEP * coding.width[column]
        for _ in range(6):
            gaps = self.compute_differences(solved)[:, own]
            worst = np.abs(gaps).argmax(axis=1)
            moved = solved.copy()
            moved[:, column] += h
            slope = (self.compute_differences(moved)[:, own] - gaps)[rows, worst] / h
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.where(np.abs(slope) > 1e-12, gaps[rows, worst] / slope, 0.0)
            solved[:, column] = np.clip(solved[:, column] - step, low, high)
        return solved

    def _exchange_parts(self, codes: Array) -> list[Array]:
        """Return designs in which some steps go from one part of the composition to another."""
        simplex = self.coding.simplex
        if simplex is None or not simplex.step:
            return []
        used = {name for expression in self.expressions for name in expression.columns}
        parts, found = self.coding.part_columns, []
        for giver, taker in itertools.permutations(range(len(parts)), 2):
            if used & {simplex.features[giver], simplex.features[taker]}:
                for count in range(1, N_STEPS + 1):
                    moved = codes.copy()
                    amount = count * simplex.step
                    enough = moved[:, parts[giver]] >= amount - 1e-9
                    moved[:, parts[giver]] = np.round(moved[:, parts[giver]] - amount * enough, 12)
                    moved[:, parts[taker]] = np.round(moved[:, parts[taker]] + amount * enough, 12)
                    found.append(moved)
        return found


def _find_step(unit: Array, slopes: Array, gaps: Array) -> Array:
    """Find the shortest step of each design to where its equalities are met to first order, within the unit cube."""
    free = np.ones_like(unit)
    step = np.zeros_like(unit)
    for _ in range(3):
        allowed = slopes * free[:, None, :]
        square = allowed @ np.swapaxes(allowed, 1, 2)
        # equalities that no free number changes would make the matrix singular
        scale = np.trace(square, axis1=1, axis2=2)[:, None, None]
        square = square + np.where(scale > 0, 1e-12 * scale, 1.0) * np.eye(square.shape[1])
        step = -(np.swapaxes(allowed, 1, 2) @ np.linalg.solve(square, gaps[:, :, None]))[:, :, 0]
        outward = ((unit <= 0) & (step < 0)) | ((unit >= 1) & (step > 0))
        if not (outward & (free > 0)).any():
            break
        free[outward] = 0.0
    return np.nan_to_num(step)
