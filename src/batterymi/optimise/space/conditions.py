"""Which features apply to a design: an amount with its additive, the settings of a step that is not skipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.parts import Feature

FAR = -4.0  # where the code of what does not apply lies, in search ranges from the lower bound


@dataclass(frozen=True)
class Applicability:
    """Which features apply to which designs, in codes.

    Attributes:
        features: all of a design, in order.
        lower: smallest code of each, shape (n_features,).
        width: range of the codes of each.
    """

    features: tuple[Feature, ...]
    lower: Array
    width: Array

    @cached_property
    def absent(self) -> Array:
        """Return the code of each feature that says that it does not apply; no design has it otherwise."""
        return np.asarray(self.lower + FAR * self.width)

    @cached_property
    def columns(self) -> list[int]:
        """Return the columns of the features that do not apply to some designs."""
        return [i for i, feature in enumerate(self.features) if feature.is_conditional]

    @cached_property
    def steps(self) -> list[Indices]:
        """Return the columns of each step that may be skipped."""
        names = dict.fromkeys(f.optional_step for f in self.features if f.optional_step)
        return [np.array([i for i, f in enumerate(self.features) if f.optional_step == name]) for name in names]

    @cached_property
    def _ranges(self) -> dict[int, tuple[int, Array, Array]]:
        """Return for each feature that is used with choices: the column of these, and its bounds for each choice."""
        names = [feature.name for feature in self.features]
        found = {}
        for i, feature in enumerate(self.features):
            for controller, used in (feature.used_with or {}).items():
                column = names.index(controller)
                choices = self.features[column].choices or ()
                low, high = np.full(len(choices) + 1, np.nan), np.full(len(choices) + 1, np.nan)
                for choice in used:
                    own = used[choice] if isinstance(used, dict) else None
                    ends = (self.lower[i], self.lower[i] + self.width[i]) if own is None else own
                    if own is not None and feature.is_logarithmic:
                        ends = (np.log10(own[0]), np.log10(own[1]))
                    low[choices.index(choice)], high[choices.index(choice)] = ends
                # an unknown choice is -1, which takes the last place: nothing applies
                found[i] = (column, low, high)
        return found

    def get_bounds(self, codes: Array) -> tuple[Array, Array]:
        """Return the bounds of each feature of each design; NaN where it does not apply.

        A feature of a step that may be skipped applies where the first of its step has a value.
        """
        low = np.broadcast_to(self.lower, codes.shape).copy()
        high = np.broadcast_to(self.lower + self.width, codes.shape).copy()
        for i, (column, lows, highs) in self._ranges.items():
            choice = np.maximum(codes[:, column], -1).astype(int)
            low[:, i], high[:, i] = lows[choice], highs[choice]
        for step in self.steps:
            skipped = self.is_absent(codes)[:, step[0]]
            for i in step:
                low[skipped, i] = high[skipped, i] = np.nan
        return low, high

    def is_absent(self, codes: Array) -> Mask:
        """Return which cells do not apply, shape (n, n_features)."""
        found = np.zeros(codes.shape, dtype=bool)
        found[:, self.columns] = codes[:, self.columns] == self.absent[self.columns]
        return found

    def draw(self, codes: Array, rng: np.random.Generator) -> Array:
        """Return designs whose steps are skipped or not, at random, each as often."""
        drawn = codes.copy()
        for step in self.steps:
            drawn[np.ix_(rng.random(len(codes)) < 0.5, step)] = self.absent[step]
        return drawn

    def toggle_steps(self, codes: Array, rng: np.random.Generator, share: float) -> Array:
        """Return designs of which in some a step is skipped, or done again."""
        changed = codes.copy()
        for step in self.steps:
            chosen, skipped = rng.random(len(codes)) < share, self.is_absent(codes)[:, step[0]]
            changed[np.ix_(chosen & ~skipped, step)] = self.absent[step]
            # the first has a value again, and `fill_gaps` gives one to the others
            first, back = step[0], chosen & skipped
            drawn = self.lower[first] + rng.random(int(back.sum())) * self.width[first]
            changed[back, first] = np.round(drawn) if self.features[first].choices else drawn
        return changed

    def fill_gaps(self, codes: Array, rng: np.random.Generator) -> Array:
        """Return designs in which just what applies has a value: new ones are random, and others are clipped."""
        low, high = self.get_bounds(codes)
        filled, absent = codes.copy(), self.is_absent(codes)
        for i in self.columns:
            applies, new = ~np.isnan(low[:, i]), absent[:, i]
            drawn = low[:, i] + rng.random(len(codes)) * (high[:, i] - low[:, i])
            if self.features[i].choices:
                drawn = np.where(applies, np.floor(rng.random(len(codes)) * len(self.features[i].choices or ())), 0.0)
            kept = np.clip(codes[:, i], low[:, i], high[:, i])
            filled[:, i] = np.where(applies, np.where(new, drawn, kept), self.absent[i])
        return filled

    def redraw(self, codes: Array, rng: np.random.Generator) -> Array:
        """Return designs with random values for all that applies to some designs only."""
        # the first feature of a step says whether it is skipped
        firsts = {int(step[0]) for step in self.steps}
        emptied, columns = codes.copy(), [i for i in self.columns if i not in firsts]
        emptied[:, columns] = self.absent[columns]
        return self.fill_gaps(emptied, rng)

    def agree(self, codes: Array) -> Mask:
        """Return which designs have values for just what applies, within the bounds there, shape (n,)."""
        low, high = self.get_bounds(codes)
        slack, absent = 1e-9 * self.width, self.is_absent(codes)
        inside = (codes >= low - slack) & (codes <= high + slack)
        return np.asarray(np.where(np.isnan(low), absent, inside & ~absent).all(axis=1))


def make_applicability(features: Sequence[Feature], lower: Array, width: Array) -> Applicability | None:
    """Return which features apply to which designs; None where all always apply."""
    found = Applicability(tuple(features), lower, width)
    return found if found.columns else None
