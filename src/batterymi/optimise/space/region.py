"""The region that designs lie in: bounds, steps, one composition, and constraints known beforehand.

Designs are tables for users, and rows of numbers internally; `codes` and `frame` convert between the two.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.expressions import parse_condition
from batterymi.config.parts import Constraint, Feature
from batterymi.optimise.space.coding import Coding
from batterymi.optimise.space.constraints import Condition, make_conditions
from batterymi.optimise.space.equalities import Equalities

SWITCHED = 0.2  # share of perturbed designs in which a category changes
TOGGLED = 0.1  # share in which a step is skipped, or done again


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

    @cached_property
    def equalities(self) -> Equalities | None:
        """Return the constraints that are equalities, if there are any."""
        found = [constraint for constraint in self.constraints if constraint.is_equality]
        if not found:
            return None
        parsed = tuple(parse_condition(constraint.expression or "", equality=True) for constraint in found)
        return Equalities(parsed, tuple(constraint.tolerance for constraint in found), self)

    @cached_property
    def tolerances(self) -> dict[str, float]:
        """Return how far both sides of each equality may differ, by name of the constraint."""
        if self.equalities is None:
            return {}
        names = [constraint.name for constraint in self.constraints if constraint.is_equality]
        return dict(zip(names, self.equalities.find_tolerances().tolist(), strict=True))

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
        """Return the margin of one constraint, shape (n,); NaN counts as a large violation.

        A constraint on a step does not apply to designs that skip it; their margin is 0.
        """
        constraint = self.constraints[i]
        margin = np.nan_to_num(self.conditions[i](self.get_values(codes)), nan=-1e30)
        if constraint.name in self.tolerances:
            margin = margin + self.tolerances[constraint.name]
        if self.applicability is not None:
            absent = self.applicability.is_absent(codes)
            for column, feature in enumerate(self.features):
                if feature.optional_step and feature.name in constraint.names:
                    margin = np.where(absent[:, column], 0.0, margin)
        return np.asarray(margin)

    def allowed(self, codes: Array) -> Mask:
        """Return whether codes on the steps of the space meet bounds, composition and constraints."""
        # rounding must not exclude a design on its bound
        slack = 1e-9 * self.width
        inside = (codes >= self.lower - slack) & (codes <= self.lower + self.width + slack)
        if self.applicability is not None:
            inside |= self.applicability.is_absent(codes)
        good = inside.all(axis=1)
        if self.applicability is not None:
            good &= self.applicability.agree(codes)
        for column, value in self.fixed:
            good &= np.abs(codes[:, column] - value) <= slack[column]
        if self.mixture is not None:
            good &= self.mixture.contains(codes[:, self.part_columns])
        elif self.simplex:
            total = self.simplex.total
            good &= np.abs(codes[:, self.part_columns].sum(axis=1) - total) <= 1e-9 * max(total, 1.0)
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
            range; a category that differs counts 1, as does what applies to one of the two only.
        """
        here, there = self.codes(designs), self.codes(rows)
        total = np.zeros((len(here), len(there)))
        for i, feature in enumerate(self.features):
            if feature.choices and not feature.ordered:
                total += here[:, None, i] != there[None, :, i]
                continue
            gap = (here[:, None, i] - there[None, :, i]) / self.width[i]
            if feature.is_conditional and self.applicability is not None:
                absent = [codes[:, i] == self.applicability.absent[i] for codes in (here, there)]
                gap = np.where(absent[0][:, None] | absent[1][None, :], absent[0][:, None] != absent[1][None, :], gap)
            total += gap**2
        return np.sqrt(total.min(axis=1) / len(self.features))

    def approach(self, codes: Array) -> Array:
        """Return designs moved onto the equality constraints, whatever the steps."""
        if self.equalities is None:
            return codes
        return self.equalities.solve(codes, np.array(list(self.tolerances.values())))

    def settle(self, codes: Array) -> Array:
        """Return designs moved onto the equality constraints and rounded to the steps of the space."""
        if self.equalities is None:
            return self.snap_to_grid(codes)
        tolerances = np.array(list(self.tolerances.values()))
        return self.equalities.round_to_steps(self.approach(codes), tolerances, self.snap_to_grid)

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
        perturbed = codes.copy() if self.applicability is None else self._perturb_structure(codes, rng)
        unit = self.compute_coordinates(perturbed)
        # half of them move in some coordinates only, since few matter at a time; half in all, to follow slanted edges
        chosen = rng.random(unit.shape) < np.where(rng.random((n, 1)) < 0.5, 1.0, 0.3)
        chosen |= ~chosen.any(axis=1, keepdims=True)
        unit = np.clip(unit + chosen * rng.normal(size=unit.shape) * step_scale, 0, 1)
        for feature in self.categories if self.applicability is None else ():
            self._switch(feature, perturbed, rng)
        placed = self.place(unit, self.hold(perturbed))
        if self.mixture is not None:
            parts = perturbed[:, self.part_columns]
            placed[:, self.part_columns] = self.mixture.perturb(parts, rng, step_scale)
        return self.settle(placed)

    def _perturb_structure(self, codes: Array, rng: np.random.Generator) -> Array:
        """Return designs of which some have other choices, skip a step or do it again, with values for what applies."""
        assert self.applicability is not None
        changed = codes.copy()
        for feature in self.categories:
            self._switch(feature, changed, rng)
        changed = self.applicability.toggle_steps(changed, rng, TOGGLED)
        return self.applicability.fill_gaps(self.hold(changed), rng)

    def _switch(self, feature: Feature, codes: Array, rng: np.random.Generator) -> None:
        """Change a category in some designs, in place: to any choice, or to a neighbour where they are ordered."""
        column, n_choices = self.names.index(feature.name), len(feature.choices or ())
        switched = rng.random(len(codes)) < SWITCHED
        if feature.is_conditional and self.applicability is not None:
            switched &= codes[:, column] != self.applicability.absent[column]
        if feature.ordered:
            moved = codes[switched, column] + rng.choice([-1.0, 1.0], size=int(switched.sum()))
            codes[switched, column] = np.clip(moved, 0, n_choices - 1)
        else:
            codes[switched, column] = rng.integers(n_choices, size=int(switched.sum()))

    def draw_codes(self, rng: np.random.Generator, n: int) -> Array:
        """Draw uniform designs within bounds and composition, on equality constraints, whatever the other ones."""
        codes = np.zeros((n, len(self.features)))
        for i, feature in enumerate(self.features):
            if feature.choices:
                codes[:, i] = rng.integers(len(feature.choices), size=n)
            elif feature.levels:
                levels = np.log10(feature.levels) if feature.is_logarithmic else feature.levels
                codes[:, i] = rng.choice(levels, size=n)
            elif feature.name not in self.parts:
                codes[:, i] = rng.uniform(self.lower[i], self.lower[i] + self.width[i], size=n)
        if self.composition is not None:
            codes[:, self.part_columns] = self.composition.sample(rng, n)
        if self.mixture is not None:
            codes[:, self.part_columns] = self.mixture.sample(rng, n)
        if self.applicability is not None:
            # numbers are drawn again, since their ranges depend on the choices
            codes = self.applicability.redraw(self.hold(self.applicability.draw(codes, rng)), rng)
        return self.settle(self.hold(codes))

    @cached_property
    def probe_points(self) -> Array:
        """Return designs all over the space, whatever the constraints, to estimate the range of margins from."""
        # a fixed seed, so that the scale of a margin is the same in every call
        return self.draw_codes(np.random.default_rng(0), 256)
