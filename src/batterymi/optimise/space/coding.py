"""Designs as numbers and back: one column per feature, a category as the position of its choice."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.parts import Feature, Simplex
from batterymi.optimise.space.grids import find_nearest_level, snap_parts
from batterymi.optimise.space.simplex import BoundedSimplex


@dataclass(frozen=True)
class Coding:
    """The encoding of designs as numbers.

    Attributes:
        features: the features that a campaign chooses, all with bounds, levels or choices.
        simplex: those that are fractions of one whole, or None.
    """

    features: tuple[Feature, ...]
    simplex: Simplex | None = None

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
        """Return the set of allowed compositions, if there is one."""
        if not self.parts:
            return None
        ranges = {feature.name: feature.range for feature in self.features}
        return BoundedSimplex([ranges[name] or (0.0, 1.0) for name in self.parts])

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
    def lower(self) -> Array:
        """Return the smallest code of each feature."""
        return np.array([0.0 if f.is_category else (f.range or (0.0, 1.0))[0] for f in self.features])

    @cached_property
    def width(self) -> Array:
        """Return the search range of each feature, in codes."""
        top = [len(f.choices) - 1.0 if f.choices else (f.range or (0.0, 1.0))[1] for f in self.features]
        # codes are divided by the width, which is 0 for a single value
        return np.maximum(np.array(top) - self.lower, 1e-12)

    def codes(self, designs: pd.DataFrame) -> Array:
        """Encode designs as numbers, shape (n_designs, n_features); an unknown choice is -1."""
        if not self.categories:
            return designs[self.names].to_numpy(float)
        columns = []
        for feature in self.features:
            values = designs[feature.name]
            if feature.choices:
                position = {choice: float(i) for i, choice in enumerate(feature.choices)}
                # -1 equals no index, so an unknown choice sets no indicator
                columns.append(np.array([position.get(str(value), -1.0) for value in values], float))
            else:
                columns.append(values.to_numpy(float))
        return np.column_stack(columns) if columns else np.empty((len(designs), 0))

    def frame(self, codes: Array) -> pd.DataFrame:
        """Decode codes to a table of designs."""
        frame = {}
        for column, feature in enumerate(self.features):
            if feature.choices:
                frame[feature.name] = np.array(feature.choices, object)[codes[:, column].astype(int)]
            else:
                frame[feature.name] = codes[:, column]
        return pd.DataFrame(frame, columns=self.names)

    def inputs(self, codes: Array) -> Array:
        """Encode designs for a model: numbers in units of the search range, categories as indicators.

        Two designs that differ in one category only have the same distance as two at opposite ends of a number.
        """
        columns = []
        for column, feature in enumerate(self.features):
            if feature.choices:
                # two choices differ in two indicators; the root makes their distance 1
                columns.append((codes[:, [column]] == np.arange(len(feature.choices))) / np.sqrt(2))
            else:
                columns.append((codes[:, [column]] - self.lower[column]) / self.width[column])
        return np.hstack(columns) if columns else np.empty((len(codes), 0))

    def place(self, unit: Array, codes: Array) -> Array:
        """Return codes at coordinates in the unit cube, categories as in `codes`, whatever the steps."""
        placed = codes.copy()
        for column, feature in enumerate(self.numbers):
            i = self.names.index(feature.name)
            placed[:, i] = self.lower[i] + unit[:, column] * self.width[i]
        if self.composition is not None:
            placed[:, self.part_columns] = self.composition.from_unit(unit[:, len(self.numbers) :])
        return placed

    def compute_coordinates(self, codes: Array) -> Array:
        """Compute the coordinates of codes in the unit cube, shape (n, n_numbers)."""
        columns = [self.names.index(feature.name) for feature in self.numbers]
        unit = (codes[:, columns] - self.lower[columns]) / self.width[columns]
        if self.composition is not None:
            unit = np.hstack([unit, self.composition.to_unit(codes[:, self.part_columns])])
        # rows of a table may lie outside the search range
        return np.clip(unit, 0, 1)

    def snap_to_grid(self, codes: Array) -> Array:
        """Round codes to the steps and levels of the space; compositions still add up to 1."""
        snapped = codes.copy()
        for i, feature in enumerate(self.features):
            if feature.step and feature.name not in self.parts:
                # a whole number of steps may divide to just below an integer
                n_steps = np.floor(self.width[i] / feature.step + 1e-9)
                count = np.clip(np.round((codes[:, i] - self.lower[i]) / feature.step), 0, n_steps)
                # equal designs must have equal codes, down to the last bit
                snapped[:, i] = np.round(self.lower[i] + count * feature.step, 12)
            elif feature.levels:
                snapped[:, i] = find_nearest_level(codes[:, i], np.array(feature.levels))
        if self.composition is not None and self.simplex is not None and self.simplex.step:
            parts = codes[:, self.part_columns]
            snapped[:, self.part_columns] = snap_parts(
                parts, self.composition.lower, self.composition.upper, self.simplex.step
            )
        return snapped

    @cached_property
    def part_columns(self) -> list[int]:
        """Return the columns of the composition."""
        return [self.names.index(name) for name in self.parts]
