"""The region that designs lie in: bounds, steps, one composition, and constraints known beforehand.

Designs are tables for users, and rows of numbers internally; `codes` and `frame` convert between the two.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.parts import Constraint
from batterymi.optimise.space.coding import Coding
from batterymi.optimise.space.constraints import Condition, make_conditions


@dataclass(frozen=True)
class Region(Coding):
    """What a design must meet.

    Attributes:
        constraints: conditions on designs.
        known: rows of a table.
        max_distance: largest distance of a design to the nearest known row, or None for no such bound.
    """

    constraints: tuple[Constraint, ...] = field(default=())
    known: pd.DataFrame | None = None
    max_distance: float | None = None

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Return the constraints, ready to be computed."""
        return make_conditions(self.constraints)

    @property
    def is_constrained(self) -> bool:
        """Return whether designs within bounds and composition may still be refused."""
        return bool(self.constraints) or self.max_distance is not None

    def margins(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return the margin of designs to each constraint.

        Args:
            designs: one row per design.

        Returns:
            One column per constraint; negative where it is broken.
        """
        columns = {c.name: self.margin(i, self.codes(designs)) for i, c in enumerate(self.constraints)}
        return pd.DataFrame(columns, index=designs.index)

    def margin(self, i: int, codes: Array) -> Array:
        """Return the margin of one constraint, shape (n,); NaN counts as a large violation."""
        columns = {name: codes[:, column] for column, name in enumerate(self.names)}
        return np.nan_to_num(self.conditions[i](columns), nan=-1e30)

    def allowed(self, codes: Array) -> Mask:
        """Return whether codes on the steps of the space meet bounds, composition and constraints."""
        # rounding must not exclude a design on its bound
        slack = 1e-9 * self.width
        good = (codes >= self.lower - slack).all(axis=1) & (codes <= self.lower + self.width + slack).all(axis=1)
        if self.simplex:
            good &= np.abs(codes[:, self.part_columns].sum(axis=1) - 1) <= 1e-9
        for i in range(len(self.constraints)):
            good &= self.margin(i, codes) >= -1e-9
        if self.known is not None and self.max_distance is not None:
            good &= self.distance(self.frame(codes), self.known) <= self.max_distance + 1e-9
        return np.asarray(good, dtype=bool)

    def distance(self, designs: pd.DataFrame, rows: pd.DataFrame) -> Array:
        """Return the distance of each design to the nearest row.

        Args:
            designs: shape (n_designs, ...).
            rows: a table.

        Returns:
            Shape (n_designs,): root mean square over the features of the difference in units of the search
            range; a category that differs counts 1.
        """
        total = np.zeros((len(designs), len(rows)))
        for i, feature in enumerate(self.features):
            here, there = designs[feature.name].to_numpy(), rows[feature.name].to_numpy()
            if feature.is_category:
                total += here[:, None] != there[None, :]
            else:
                gap = (here[:, None].astype(float) - there[None, :].astype(float)) / self.width[i]
                total += gap**2
        return np.sqrt(total.min(axis=1) / len(self.features))

    def perturb(self, codes: Array, rng: np.random.Generator, step_scale: Array | float) -> Array:
        """Return a design around each given one, which may break constraints.

        Args:
            codes: where from, shape (n, n_features).
            rng: source of randomness.
            step_scale: standard deviation of the numbers in units of the search range, one or shape (n, 1).

        Returns:
            Shape (n, n_features), on the steps of the space.
        """
        n = len(codes)
        unit = self.compute_coordinates(codes)
        # half of them move in some coordinates only, since few matter at a time; half in all, to follow slanted edges
        chosen = rng.random(unit.shape) < np.where(rng.random((n, 1)) < 0.5, 1.0, 0.3)
        chosen |= ~chosen.any(axis=1, keepdims=True)
        unit = np.clip(unit + chosen * rng.normal(size=unit.shape) * step_scale, 0, 1)
        perturbed = codes.copy()
        for feature in self.categories:
            switched = rng.random(n) < 0.2
            perturbed[switched, self.names.index(feature.name)] = rng.integers(
                len(feature.choices or ()), size=int(switched.sum())
            )
        return self.snap_to_grid(self.place(unit, perturbed))

    def draw_codes(self, rng: np.random.Generator, n: int) -> Array:
        """Draw uniform designs within bounds and composition, whatever the constraints."""
        codes = np.zeros((n, len(self.features)))
        for i, feature in enumerate(self.features):
            if feature.choices:
                codes[:, i] = rng.integers(len(feature.choices), size=n)
            elif feature.levels:
                codes[:, i] = rng.choice(feature.levels, size=n)
            elif feature.name not in self.parts:
                codes[:, i] = rng.uniform(self.lower[i], self.lower[i] + self.width[i], size=n)
        if self.composition is not None:
            codes[:, self.part_columns] = self.composition.sample(rng, n)
        return self.snap_to_grid(codes)

    @cached_property
    def probe_points(self) -> Array:
        """Return designs all over the space, whatever the constraints, to estimate the range of margins from."""
        # a fixed seed, so that the scale of a margin is the same in every call
        return self.draw_codes(np.random.default_rng(0), 256)
