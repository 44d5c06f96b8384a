"""The search space of a campaign: numbers, steps, categories, one composition, and constraints known beforehand.

Designs are tables for those who read them, and rows of numbers within; `codes` and `frame` turn one into the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.designs import Derived
from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.space.coding import Coding
from batterymi.optimise.space.constraints import Condition, make_conditions
from batterymi.optimise.space.grids import all_on_grids

Array = NDArray[np.float64]
MIN_SHARE = 1e-4  # of random designs that must meet the constraints; below, they are sought by walking
SAME = 1e-6  # of the search range: designs that differ less are one
MAX_ENUMERATED = 20_000


@dataclass(frozen=True)
class Space(Coding):
    """What a design may be.

    Attributes:
        constraints: conditions on designs.
        known: rows of a table.
        reach: largest distance of a design to the nearest known row, or None for no such bound.
        candidates: the designs to choose from, or None if any design within the space will do.
    """

    constraints: tuple[Constraint, ...] = field(default=())
    known: pd.DataFrame | None = None
    reach: float | None = None
    candidates: pd.DataFrame | None = None

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The constraints, ready to be computed."""
        return make_conditions(self.constraints)

    def sample(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Draw designs uniformly from all that meet bounds, composition and constraints.

        Where hardly any design meets the constraints, the first ones are sought by narrowing in on them, and the others
        by walking from there, which is no longer exactly uniform.

        Args:
            rng: source of randomness.
            n: how many.

        Returns:
            n designs.

        Raises:
            DesignError: if no design that meets the constraints is found; it names the tightest.
        """
        return self.frame(self.sample_codes(rng, n))

    def sample_codes(self, rng: np.random.Generator, n: int) -> Array:
        """As `sample`, in codes."""
        if self._pool is not None:
            return self._pool[rng.integers(len(self._pool), size=n)]
        kept: list[Array] = []
        n_drawn = n_kept = 0
        while n_kept < n:
            batch = self.draw_codes(rng, max(4 * n, 64) if self.is_constrained else n)
            inside = batch[self.allowed(batch)]
            kept.append(inside)
            n_drawn, n_kept = n_drawn + len(batch), n_kept + len(inside)
            if n_drawn >= 10 / MIN_SHARE and n_kept < MIN_SHARE * n_drawn:
                from batterymi.optimise.space.walk import walk

                return walk(self, np.vstack(kept), rng, n)
        return np.vstack(kept)[:n]

    def fill(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Designs that fill the space evenly: a scrambled Sobol sequence, without those that break a constraint.

        Args:
            rng: source of the scrambling.
            n: how many.

        Returns:
            n designs.

        Raises:
            DesignError: if no design that meets the constraints is found.
        """
        return self.frame(self.fill_codes(rng, n))

    def fill_codes(self, rng: np.random.Generator, n: int) -> Array:
        """As `fill`, in codes."""
        from scipy.stats import qmc

        if self._pool is not None:
            return self._pool[rng.permutation(len(self._pool))[:n]] if n <= len(self._pool) else self._pool
        sobol = qmc.Sobol(self.n_numbers + len(self.categories), rng=rng)
        kept: list[Array] = []
        n_drawn = 0
        while sum(map(len, kept)) < n:
            points = sobol.random(2 ** int(np.ceil(np.log2(max(n, 2)))))
            codes = np.zeros((len(points), len(self.features)))
            for i, feature in enumerate(self.categories):
                share = points[:, self.n_numbers + i]
                codes[:, self.names.index(feature.name)] = np.floor(share * len(feature.choices or ()))
            batch = self.snap(self.place(points[:, : self.n_numbers], codes))
            kept.append(batch[self.allowed(batch)])
            n_drawn += len(batch)
            if n_drawn >= 1 / MIN_SHARE and sum(map(len, kept)) < 100 * MIN_SHARE * n_drawn:
                more = n - sum(map(len, kept))
                kept.append(self.sample_codes(rng, max(more, 1)))
        return np.vstack(kept)[:n]

    def vary(self, codes: Array, rng: np.random.Generator, reach: Array | float) -> Array:
        """Designs around others, one for each, which may break constraints.

        Args:
            codes: where from, shape (n, n_features).
            rng: source of randomness.
            reach: standard deviation of the numbers in units of the search range, one or shape (n, 1).

        Returns:
            Shape (n, n_features), on the steps of the space.
        """
        n = len(codes)
        unit = self.coordinates(codes)
        # half of them move in some directions only, since few matter at a time; half in all, to follow slanted edges
        chosen = rng.random(unit.shape) < np.where(rng.random((n, 1)) < 0.5, 1.0, 0.3)
        chosen |= ~chosen.any(axis=1, keepdims=True)
        unit = np.clip(unit + chosen * rng.normal(size=unit.shape) * reach, 0, 1)
        varied = codes.copy()
        for feature in self.categories:
            switched = rng.random(n) < 0.2
            varied[switched, self.names.index(feature.name)] = rng.integers(
                len(feature.choices or ()), size=int(switched.sum())
            )
        return self.snap(self.place(unit, varied))

    def margins(self, designs: pd.DataFrame) -> pd.DataFrame:
        """How far designs stay inside each constraint.

        Args:
            designs: one row per design.

        Returns:
            One column per constraint; negative where it is broken.
        """
        columns = {c.name: self.margin(i, self.codes(designs)) for i, c in enumerate(self.constraints)}
        return pd.DataFrame(columns, index=designs.index)

    def margin(self, i: int, codes: Array) -> Array:
        """Margin of one constraint, shape (n,); not-a-number counts as broken by far."""
        columns = {name: codes[:, column] for column, name in enumerate(self.names)}
        return np.nan_to_num(self.conditions[i](columns), nan=-1e30)

    def feasible(self, designs: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether designs meet bounds, steps, composition and constraints, within rounding."""
        codes = self.codes(designs)
        good = np.abs(codes - self.snap(codes)).max(axis=1, initial=0) <= 1e-9 * np.abs(self.lower + self.width).max()
        if self._pool is not None:
            good &= ~self.apart(codes, self._pool)
        return np.logical_and(good, self.allowed(codes))

    def allowed(self, codes: Array) -> NDArray[np.bool_]:
        """Whether codes on the steps of the space meet bounds, composition and constraints."""
        slack = 1e-9 * self.width
        good = (codes >= self.lower - slack).all(axis=1) & (codes <= self.lower + self.width + slack).all(axis=1)
        if self.simplex:
            good &= np.abs(codes[:, self.part_columns].sum(axis=1) - 1) <= 1e-9
        for i in range(len(self.constraints)):
            good &= self.margin(i, codes) >= -1e-9
        if self.known is not None and self.reach is not None:
            good &= self.distance(self.frame(codes), self.known) <= self.reach + 1e-9
        return np.asarray(good, dtype=bool)

    @property
    def is_constrained(self) -> bool:
        """Whether designs within bounds and composition may still be refused."""
        return bool(self.constraints) or self.reach is not None

    def apart(self, codes: Array, others: Array) -> NDArray[np.bool_]:
        """Which designs are none of the others."""
        if not len(others):
            return np.ones(len(codes), dtype=bool)
        from scipy.spatial import KDTree

        tree = KDTree(others / self.width)
        distance, _ = tree.query(codes / self.width, p=np.inf, distance_upper_bound=10 * SAME)
        far: NDArray[np.bool_] = distance > SAME
        return far

    def every(self) -> Array | None:
        """All designs, where they are so few that they can be listed; else None."""
        if self._pool is not None:
            return self._pool
        codes = all_on_grids(self.features, self.simplex, MAX_ENUMERATED)
        return None if codes is None else codes[self.allowed(codes)]

    def distance(self, designs: pd.DataFrame, rows: pd.DataFrame) -> Array:
        """Distance of each design to the nearest row.

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

    def narrowed(self, codes: Array) -> "Space":
        """The same space with a shorter list of candidates."""
        return replace(self, candidates=self.frame(codes))

    @cached_property
    def scouts(self) -> Array:
        """Some designs all over the space, constraints not asked, by which margins are judged."""
        return self.draw_codes(np.random.default_rng(0), 256)

    @cached_property
    def _pool(self) -> Array | None:
        """The candidates that meet all constraints, in codes."""
        if self.candidates is None:
            return None
        codes = self.codes(self.candidates)
        allowed = self.allowed(codes)
        if not allowed.any():
            raise DesignError(f"none of the {len(codes)} candidates lies within the bounds and meets the constraints")
        return codes if allowed.all() else codes[allowed]  # a list may fill the memory; it is not copied without need

    def draw_codes(self, rng: np.random.Generator, n: int) -> Array:
        """Uniform designs within bounds and composition, constraints not yet asked."""
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
        return self.snap(codes)


def make_space(
    features: Sequence[Feature],
    simplex: Simplex | None,
    constraints: Sequence[Constraint],
    known: pd.DataFrame | None = None,
    reach: float | None = None,
    derived: Sequence[Derived] = (),
    candidates: pd.DataFrame | None = None,
) -> Space:
    """A space over some of a study's features, with the constraints that concern only those."""
    from batterymi.optimise.space.constraints import spelt_out

    names = {feature.name for feature in features}
    spelt = [spelt_out(constraint, derived) for constraint in constraints]
    kept = tuple(constraint for constraint in spelt if set(constraint.names) <= names)
    whole = simplex if simplex and set(simplex.features) <= names else None
    return Space(tuple(features), whole, kept, known, reach, candidates)
