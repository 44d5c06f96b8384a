"""Designs as numbers and back: one column per feature.

A category is the position of its choice, a number on a logarithmic scale its decadic logarithm, and what does not apply
to a design a number far below all others.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.parts import Feature, Simplex
from batterymi.optimise.space.conditions import Applicability, make_applicability
from batterymi.optimise.space.grids import find_nearest_level, snap_parts
from batterymi.optimise.space.mixture import Mixture
from batterymi.optimise.space.simplex import MAX_PARTS, BoundedSimplex

DIGITS = 12  # of a number whose logarithm is its code


@dataclass(frozen=True)
class Coding:
    """The encoding of designs as numbers.

    Attributes:
        features: the features that a campaign chooses, all with bounds, levels or choices.
        simplex: those that are fractions of one whole, or None.
        fixed: columns that all designs have in common, with their codes.
    """

    features: tuple[Feature, ...]
    simplex: Simplex | None = None
    fixed: tuple[tuple[int, float], ...] = field(default=(), kw_only=True)

    @cached_property
    def names(self) -> list[str]:
        """Return the columns of a design."""
        return [feature.name for feature in self.features]

    @cached_property
    def parts(self) -> list[str]:
        """Return the features of the composition."""
        return list(self.simplex.features) if self.simplex else []

    @cached_property
    def numbers(self) -> list[Feature]:
        """Return the numerical features outside the composition."""
        return [f for f in self.features if not f.is_category and f.name not in self.parts]

    @cached_property
    def categories(self) -> list[Feature]:
        """Return the categorical features."""
        return [feature for feature in self.features if feature.is_category]

    @cached_property
    def composition(self) -> BoundedSimplex | None:
        """Return the set of allowed compositions of few parts, if there is one."""
        if self.simplex is None or self.mixture is not None:
            return None
        ranges = {feature.name: feature.range for feature in self.features}
        total = self.simplex.total
        return BoundedSimplex([ranges[name] or (0.0, total) for name in self.parts], total)

    @cached_property
    def mixture(self) -> Mixture | None:
        """Return the set of allowed compositions of many parts, or of parts that may be left out, if there is one."""
        if self.simplex is None or not (self.simplex.has_zeros or len(self.parts) > MAX_PARTS):
            return None
        return Mixture.from_settings(self.simplex, self.features)

    @cached_property
    def applicability(self) -> Applicability | None:
        """Return which features apply to which designs; None where all always apply."""
        return make_applicability(self.features, self.lower, self.width)

    @property
    def is_structured(self) -> bool:
        """Return whether designs differ in which of their numbers are free."""
        return self.mixture is not None or self.applicability is not None

    @property
    def n_numbers(self) -> int:
        """Return the number of continuous coordinates of a design in the unit cube."""
        # fractions add up to 1, so the last one is not free
        return len(self.numbers) + max(len(self.parts) - 1, 0)

    @cached_property
    def has_steps(self) -> bool:
        """Return whether some number moves in steps only."""
        return any(f.step or f.levels for f in self.numbers) or bool(self.simplex and self.simplex.step)

    @cached_property
    def _ends(self) -> tuple[Array, Array]:
        """Return the smallest and the largest code of each feature."""
        whole = (0.0, self.simplex.total if self.simplex else 1.0)
        ends = np.array([(0.0, len(f.choices) - 1.0) if f.choices else f.range or whole for f in self.features], float)
        ends = ends.reshape(-1, 2)
        logarithmic = [f.is_logarithmic for f in self.features]
        ends[logarithmic] = np.log10(ends[logarithmic])
        return ends[:, 0], ends[:, 1]

    @cached_property
    def lower(self) -> Array:
        """Return the smallest code of each feature."""
        return self._ends[0]

    @cached_property
    def width(self) -> Array:
        """Return the search range of each feature, in codes."""
        # codes are divided by the width, which is 0 for a single value
        return np.maximum(self._ends[1] - self.lower, 1e-12)

    def codes(self, designs: pd.DataFrame) -> Array:
        """Encode designs as numbers, shape (n_designs, n_features); an unknown choice is -1."""
        is_plain = not any(f.is_category or f.is_logarithmic or f.is_conditional for f in self.features)
        if is_plain:
            return designs[self.names].to_numpy(float)
        columns = []
        for i, feature in enumerate(self.features):
            values = designs[feature.name]
            if feature.choices:
                position = {choice: float(i) for i, choice in enumerate(feature.choices)}
                # -1 equals no index, so an unknown choice sets no indicator
                column = np.array([position.get(str(value), -1.0) for value in values], float)
            else:
                column = values.to_numpy(float)
            if feature.is_logarithmic:
                with np.errstate(divide="ignore", invalid="ignore"):
                    column = np.log10(column)
            if feature.is_conditional and self.applicability is not None:
                column = np.where(values.isna(), self.applicability.absent[i], column)
            columns.append(column)
        return np.column_stack(columns) if columns else np.empty((len(designs), 0))

    def frame(self, codes: Array) -> pd.DataFrame:
        """Decode codes to a table of designs; what does not apply is NaN."""
        frame = {}
        for i, feature in enumerate(self.features):
            column = codes[:, i]
            absent = np.zeros(len(codes), dtype=bool)
            if feature.is_conditional and self.applicability is not None:
                absent = column == self.applicability.absent[i]
            if feature.choices:
                values = np.array(feature.choices, object)[np.where(absent, 0, column).astype(int)]
            else:
                values = self._decode_logarithm(feature, column) if feature.is_logarithmic else column
            if absent.any():
                values = np.where(absent, np.nan, values)
            frame[feature.name] = values
        return pd.DataFrame(frame, columns=self.names)

    @staticmethod
    def _decode_logarithm(feature: Feature, column: Array) -> Array:
        """Return numbers from their logarithms, without the digits that rounding adds."""
        with np.errstate(under="ignore"):
            return np.array([float(f"{value:.{DIGITS}g}") for value in 10.0**column])

    def get_values(self, codes: Array) -> dict[str, Array]:
        """Return the numbers of designs by feature, for expressions; what does not apply counts as 0."""
        found = {}
        for i, feature in enumerate(self.features):
            column = 10.0 ** codes[:, i] if feature.is_logarithmic else codes[:, i]
            if feature.is_conditional and self.applicability is not None:
                column = np.where(codes[:, i] == self.applicability.absent[i], 0.0, column)
            found[feature.name] = column
        return found

    def inputs(self, codes: Array) -> Array:
        """Encode designs for a model: numbers in units of the search range, categories as indicators.

        Two designs that differ in one category only have the same distance as two at opposite ends of a number. A
        number that does not apply is 0, with an indicator beside it.
        """
        columns = []
        for column, feature in enumerate(self.features):
            if feature.choices and not feature.ordered:
                # two choices differ in two indicators; the root makes their distance 1
                columns.append((codes[:, [column]] == np.arange(len(feature.choices))) / np.sqrt(2))
                continue
            values = (codes[:, [column]] - self.lower[column]) / self.width[column]
            if feature.is_conditional and self.applicability is not None:
                applies = codes[:, [column]] != self.applicability.absent[column]
                values = np.hstack([np.where(applies, values, 0.0), applies])
            columns.append(values)
        return np.hstack(columns) if columns else np.empty((len(codes), 0))

    def place(self, unit: Array, codes: Array) -> Array:
        """Return codes at coordinates in the unit cube, whatever the steps.

        Categories are as in `codes`, and so are which parts of a composition are used and which numbers apply.
        """
        placed = self.place_numbers(unit, codes)
        if self.composition is not None:
            placed[:, self.part_columns] = self.composition.from_unit(unit[:, len(self.numbers) :])
        if self.mixture is not None:
            parts = self.mixture.from_unit(unit[:, len(self.numbers) :], codes[:, self.part_columns])
            placed[:, self.part_columns] = parts
        return placed

    def place_numbers(self, unit: Array, codes: Array) -> Array:
        """Return codes whose numbers outside the composition lie at coordinates in the unit cube, as `place` does."""
        placed = codes.copy()
        for column, feature in enumerate(self.numbers):
            i = self.names.index(feature.name)
            placed[:, i] = self.lower[i] + unit[:, column] * self.width[i]
        if self.applicability is not None:
            low, high = self.applicability.get_bounds(codes)
            for column, feature in enumerate(self.numbers):
                i = self.names.index(feature.name)
                if feature.is_conditional:
                    within = low[:, i] + unit[:, column] * (high[:, i] - low[:, i])
                    placed[:, i] = np.where(np.isnan(low[:, i]), self.applicability.absent[i], within)
        return self.hold(placed)

    def hold(self, codes: Array) -> Array:
        """Return designs with the values that all have in common."""
        if not self.fixed:
            return codes
        held = codes.copy()
        for column, value in self.fixed:
            held[:, column] = value
        return held

    def compute_coordinates(self, codes: Array) -> Array:
        """Compute the coordinates of codes in the unit cube, shape (n, n_numbers); 0 for what does not apply."""
        columns = [self.names.index(feature.name) for feature in self.numbers]
        unit = (codes[:, columns] - self.lower[columns]) / self.width[columns]
        if self.applicability is not None:
            low, high = self.applicability.get_bounds(codes)
            for column, i in enumerate(columns):
                if self.features[i].is_conditional:
                    room = high[:, i] - low[:, i]
                    unit[:, column] = np.where(room > 0, (codes[:, i] - low[:, i]) / np.where(room > 0, room, 1), 0)
        if self.composition is not None:
            unit = np.hstack([unit, self.composition.to_unit(codes[:, self.part_columns])])
        if self.mixture is not None:
            unit = np.hstack([unit, self.mixture.to_unit(codes[:, self.part_columns])])
        # rows of a table may lie outside the search range
        return np.clip(unit, 0, 1)

    def snap_to_grid(self, codes: Array) -> Array:
        """Round codes to the steps and levels of the space; compositions still add up to their total."""
        snapped = codes.copy()
        low, width = np.broadcast_to(self.lower, codes.shape), np.broadcast_to(self.width, codes.shape)
        if self.applicability is not None:
            low, high = self.applicability.get_bounds(codes)
            width = high - low
        for i, feature in enumerate(self.features):
            if feature.step and feature.name not in self.parts:
                # a whole number of steps may divide to just below an integer
                n_steps = np.floor(width[:, i] / feature.step + 1e-9)
                count = np.clip(np.round((codes[:, i] - low[:, i]) / feature.step), 0, n_steps)
                # equal designs must have equal codes, down to the last bit
                snapped[:, i] = np.round(low[:, i] + count * feature.step, 12)
            elif feature.levels:
                levels = np.array(feature.levels)
                levels = np.log10(levels) if feature.is_logarithmic else levels
                snapped[:, i] = find_nearest_level(codes[:, i], levels)
            if feature.is_conditional and self.applicability is not None:
                snapped[:, i] = np.where(np.isnan(low[:, i]), codes[:, i], snapped[:, i])
        if self.composition is not None and self.simplex is not None and self.simplex.step:
            parts = codes[:, self.part_columns]
            snapped[:, self.part_columns] = snap_parts(
                parts, self.composition.lower, self.composition.upper, self.simplex.step, self.simplex.total
            )
        if self.mixture is not None:
            snapped[:, self.part_columns] = self.mixture.snap(codes[:, self.part_columns])
        return snapped

    @cached_property
    def part_columns(self) -> list[int]:
        """Return the columns of the composition."""
        return [self.names.index(name) for name in self.parts]
