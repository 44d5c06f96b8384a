"""The search space of a campaign: numbers, categories, one composition, and constraints known beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi import registry
from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.simplex import BoundedSimplex

Array = NDArray[np.float64]
MIN_SHARE = 1e-4  # of random designs that must meet the constraints; below, the region counts as empty


@dataclass(frozen=True)
class Space:
    """What a design may be.

    Attributes:
        features: the features that a campaign chooses, all with bounds or choices.
        simplex: those that are fractions of one whole, or None.
        constraints: conditions on designs.
        known: rows of a table.
        reach: largest distance of a design to the nearest known row, or None for no such bound.
    """

    features: tuple[Feature, ...]
    simplex: Simplex | None = None
    constraints: tuple[Constraint, ...] = field(default=())
    known: pd.DataFrame | None = None
    reach: float | None = None

    @cached_property
    def names(self) -> list[str]:
        """Columns of a design."""
        return [feature.name for feature in self.features]

    @cached_property
    def parts(self) -> list[str]:
        """Features of the composition."""
        return list(self.simplex.features) if self.simplex else []

    @cached_property
    def numbers(self) -> list[Feature]:
        """Numerical features outside the composition."""
        return [f for f in self.features if not f.is_category and f.name not in self.parts]

    @cached_property
    def categories(self) -> list[Feature]:
        """Features that are names."""
        return [feature for feature in self.features if feature.is_category]

    @cached_property
    def composition(self) -> BoundedSimplex | None:
        """The set of compositions, if there is one."""
        if not self.parts:
            return None
        bounds = {feature.name: feature.bounds for feature in self.features}
        return BoundedSimplex([bounds[name] or (0.0, 1.0) for name in self.parts])

    @property
    def n_numbers(self) -> int:
        """Continuous coordinates of a design in the unit cube."""
        return len(self.numbers) + max(len(self.parts) - 1, 0)

    def from_unit(self, unit: Array, categories: pd.DataFrame | None = None) -> pd.DataFrame:
        """Designs from coordinates.

        Args:
            unit: shape (n, n_numbers), within 0 to 1: numbers first, then the composition.
            categories: shape (n, n_categories), or None if there are none.

        Returns:
            One row per design.
        """
        frame = {}
        for column, feature in enumerate(self.numbers):
            low, high = feature.bounds or (0.0, 1.0)
            frame[feature.name] = low + unit[:, column] * (high - low)
        if self.composition is not None:
            parts = self.composition.from_unit(unit[:, len(self.numbers) :])
            frame |= {name: parts[:, i] for i, name in enumerate(self.parts)}
        for feature in self.categories:
            assert categories is not None
            frame[feature.name] = categories[feature.name].to_numpy(object)
        return pd.DataFrame(frame)[self.names]

    def to_unit(self, designs: pd.DataFrame) -> Array:
        """Coordinates of designs in the unit cube, categories left out."""
        columns = []
        for feature in self.numbers:
            low, high = feature.bounds or (0.0, 1.0)
            columns.append((designs[feature.name].to_numpy(float) - low) / (high - low))
        unit = np.column_stack(columns) if columns else np.empty((len(designs), 0))
        if self.composition is not None:
            parts = self.composition.to_unit(designs[self.parts].to_numpy(float))
            unit = np.hstack([unit, parts])
        return np.clip(unit, 0, 1)

    def sample(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Draw designs uniformly from all that meet bounds, composition and constraints.

        Args:
            rng: source of randomness.
            n: how many.

        Returns:
            n designs.

        Raises:
            DesignError: if hardly any design meets the constraints; it names the tightest.
        """
        kept: list[pd.DataFrame] = []
        n_drawn = n_kept = 0
        while n_kept < n:
            batch = self._draw(rng, max(4 * n, 64))
            inside = batch[self.feasible(batch)]
            kept.append(inside)
            n_drawn, n_kept = n_drawn + len(batch), n_kept + len(inside)
            if n_drawn >= 10 / MIN_SHARE and n_kept < MIN_SHARE * n_drawn:
                raise DesignError(self._why_empty(batch))
        return pd.concat(kept, ignore_index=True).iloc[:n].copy()

    def fill(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Designs that fill the space evenly: a scrambled Sobol sequence, without those that break a constraint.

        Args:
            rng: source of the scrambling.
            n: how many.

        Returns:
            n designs.

        Raises:
            DesignError: if hardly any design meets the constraints.
        """
        from scipy.stats import qmc

        self.sample(np.random.default_rng(0), 1)
        sobol = qmc.Sobol(self.n_numbers + len(self.categories), rng=rng)
        kept: list[pd.DataFrame] = []
        while sum(map(len, kept)) < n:
            points = sobol.random(2 ** int(np.ceil(np.log2(max(n, 2)))))
            names = {
                feature.name: np.array(feature.choices, object)[
                    (points[:, self.n_numbers + i] * len(feature.choices or ())).astype(int)
                ]
                for i, feature in enumerate(self.categories)
            }
            batch = self.from_unit(points[:, : self.n_numbers], pd.DataFrame(names))
            kept.append(batch[self.feasible(batch)])
        return pd.concat(kept, ignore_index=True).iloc[:n].copy()

    def margins(self, designs: pd.DataFrame) -> pd.DataFrame:
        """How far designs stay inside each constraint.

        Args:
            designs: one row per design.

        Returns:
            One column per constraint; negative where it is broken.
        """
        return pd.DataFrame({c.name: self._margin(c, designs) for c in self.constraints}, index=designs.index)

    def feasible(self, designs: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether designs meet bounds, composition and constraints, within rounding."""
        good = np.ones(len(designs), dtype=bool)
        for feature in self.features:
            values = designs[feature.name]
            if feature.is_category:
                good &= values.isin(feature.choices or ()).to_numpy()
            else:
                low, high = feature.bounds or (0.0, 1.0)
                slack = 1e-9 * (high - low)
                good &= values.between(low - slack, high + slack).to_numpy()
        if self.simplex:
            good &= np.abs(designs[self.parts].sum(axis=1).to_numpy() - 1) <= 1e-9
        for constraint in self.constraints:
            good &= self._margin(constraint, designs) >= -1e-9
        if self.known is not None and self.reach is not None:
            good &= self.distance(designs, self.known) <= self.reach + 1e-9
        return good

    @property
    def is_constrained(self) -> bool:
        """Whether designs within bounds and composition may still be refused."""
        return bool(self.constraints) or self.reach is not None

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
        for feature in self.features:
            here, there = designs[feature.name].to_numpy(), rows[feature.name].to_numpy()
            if feature.is_category:
                total += here[:, None] != there[None, :]
            else:
                low, high = feature.bounds or (0.0, 1.0)
                gap = (here[:, None].astype(float) - there[None, :].astype(float)) / (high - low)
                total += gap**2
        return np.sqrt(total.min(axis=1) / len(self.features))

    def _draw(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Uniform designs within bounds and composition, constraints not yet asked."""
        frame: dict[str, object] = {
            feature.name: rng.uniform(*(feature.bounds or (0.0, 1.0)), size=n) for feature in self.numbers
        }
        if self.composition is not None:
            parts = self.composition.sample(rng, n)
            frame |= {name: parts[:, i] for i, name in enumerate(self.parts)}
        for feature in self.categories:
            frame[feature.name] = rng.choice(np.array(feature.choices, object), size=n)
        return pd.DataFrame(frame)[self.names]

    def _margin(self, constraint: Constraint, designs: pd.DataFrame) -> Array:
        """Value of one constraint's function on designs."""
        function = registry.look_up("constraint", constraint.function)
        columns = {argument: designs[column].to_numpy(float) for argument, column in constraint.columns.items()}
        return np.asarray(function(**columns, **constraint.values), dtype=float)

    def _why_empty(self, designs: pd.DataFrame) -> str:
        """Name the constraint that is broken most, and how near designs come to it."""
        if not self.constraints:
            return f"hardly any design lies within {self.reach:g} of a known row; raise campaign.reach"
        margins = self.margins(designs)
        worst = str((margins < 0).mean().idxmax())
        return (
            f"constraint '{worst}' is met by fewer than 1 in {1 / MIN_SHARE:.0f} designs within the bounds; "
            f"the nearest misses it by {-margins[worst].max():.3g}; widen the bounds or change the constraint"
        )


def make_space(
    features: Sequence[Feature],
    simplex: Simplex | None,
    constraints: Sequence[Constraint],
    known: pd.DataFrame | None = None,
    reach: float | None = None,
) -> Space:
    """A space over some of a study's features, with the constraints that concern only those."""
    names = {feature.name for feature in features}
    kept = tuple(c for c in constraints if set(c.columns.values()) <= names)
    whole = simplex if simplex and set(simplex.features) <= names else None
    return Space(tuple(features), whole, kept, known, reach)
