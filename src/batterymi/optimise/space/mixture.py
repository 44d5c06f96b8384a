"""Compositions of many parts of which a few are used: sampled, changed and rounded, each row with parts of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.parts import Feature, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.space.grids import snap_parts

SLACK = 1e-9  # of the total
N_TRIES = 400
N_BISECTIONS = 60
SWAP, ADD, DROP = 0.6, 0.8, 1.0  # cumulated probabilities of a change of the parts that are used


@dataclass(frozen=True)
class Mixture:
    """All x with sum(x) = total whose parts are within bounds, of which a few are used and the others are 0.

    Attributes:
        lower: smallest amount of each part, shape (n_parts,); above 0 if a part is always used.
        upper: largest amount.
        least: smallest amount of a part that is used.
        total: what the parts add up to.
        fewest: smallest number of parts that are used.
        most: largest number.
        has_zeros: whether parts may be left out; else each is anywhere within its bounds.
        step: amounts are multiples of it; None for any.
    """

    lower: Array
    upper: Array
    least: Array
    total: float
    fewest: int
    most: int
    has_zeros: bool
    step: float | None

    @classmethod
    def from_settings(cls, simplex: Simplex, features: Sequence[Feature]) -> "Mixture":
        """Return the set that settings describe; bounds that are not given are 0 and the total."""
        ranges = {feature.name: feature.range or (0.0, simplex.total) for feature in features}
        lower, upper = np.array([ranges[name] for name in simplex.features], float).T
        least = np.maximum(lower, [simplex.get_least(name) for name in simplex.features])
        if simplex.step:
            # parts that are used have at least one step
            least = np.ceil(least / simplex.step - SLACK) * simplex.step
            least = np.where(simplex.has_zeros, np.maximum(least, simplex.step), least)
            lower, upper = np.where(lower > 0, least, lower), np.floor(upper / simplex.step + SLACK) * simplex.step
        elif simplex.has_zeros:
            # a trace below this share could not be distinguished from 0
            least = np.maximum(least, 1e-3 * simplex.total)
        n = len(simplex.features)
        return cls(
            lower,
            np.minimum(upper, simplex.total),
            least,
            simplex.total,
            max(simplex.min_parts or 1, int((lower > 0).sum())),
            simplex.max_parts or n,
            simplex.has_zeros,
            simplex.step,
        )

    @property
    def n_parts(self) -> int:
        """Return the number of parts."""
        return len(self.lower)

    @cached_property
    def required(self) -> Mask:
        """Return which parts are always used, shape (n_parts,)."""
        return np.asarray(self.lower > 0)

    def find_used(self, parts: Array) -> Mask:
        """Return which parts are used in each row, shape (n, n_parts); all where none may be left out."""
        return parts > SLACK * self.total if self.has_zeros else np.ones(parts.shape, dtype=bool)

    def get_bounds(self, used: Mask) -> tuple[Array, Array]:
        """Return the bounds of each part of each row, given which are used; both are 0 for the others."""
        lower = self.least if self.has_zeros else self.lower
        return np.where(used, lower, 0.0), np.where(used, self.upper, 0.0)

    def are_possible(self, used: Mask) -> Mask:
        """Return for which choices of parts amounts within the bounds add up to the total, shape (n,)."""
        low, high = self.get_bounds(used)
        slack, count = SLACK * self.total, used.sum(axis=1)
        good = (low.sum(axis=1) <= self.total + slack) & (high.sum(axis=1) >= self.total - slack)
        good &= (low <= high + slack).all(axis=1) & used[:, self.required].all(axis=1)
        if self.has_zeros:
            good &= (count >= self.fewest) & (count <= self.most)
        return np.asarray(good)

    def contains(self, parts: Array) -> Mask:
        """Return which rows keep all rules, shape (n,)."""
        used, slack = self.find_used(parts), SLACK * max(self.total, 1.0)
        low, high = self.get_bounds(used)
        good = (parts >= low - slack).all(axis=1) & (parts <= high + slack).all(axis=1)
        return np.asarray(good & (np.abs(parts.sum(axis=1) - self.total) <= slack) & self.are_possible(used))

    @cached_property
    def sizes(self) -> Indices:
        """Return the numbers of used parts that occur, as far as bounds tell."""
        n_required = int(self.required.sum())
        spare = np.sort(self.upper[~self.required])[::-1]
        cheap = np.sort(self.least[~self.required])
        sizes = np.arange(self.fewest, self.most + 1)
        high = np.array([self.upper[self.required].sum() + spare[: max(size - n_required, 0)].sum() for size in sizes])
        low = np.array([self.least[self.required].sum() + cheap[: max(size - n_required, 0)].sum() for size in sizes])
        return sizes[(high >= self.total * (1 - SLACK)) & (low <= self.total * (1 + SLACK)) & (sizes >= n_required)]

    def draw_used(self, rng: np.random.Generator, n: int) -> Mask:
        """Draw which parts are used: the number first, each equally often, then the parts.

        Raises:
            DesignError: if no choice of parts is found whose amounts can add up to the total.
        """
        if not self.has_zeros:
            return np.ones((n, self.n_parts), dtype=bool)
        kept: list[Mask] = []
        for _ in range(N_TRIES if len(self.sizes) else 0):
            size = rng.choice(self.sizes, size=2 * n + 16)
            # required parts come first in the order in which places are filled
            keys = rng.random((len(size), self.n_parts)) - self.required
            used = np.argsort(np.argsort(keys, axis=1), axis=1) < size[:, None]
            kept.append(used[self.are_possible(used)])
            if sum(map(len, kept)) >= n:
                return np.vstack(kept)[:n]
        raise DesignError(
            f"simplex: no choice of {self.fewest} to {self.most} parts was found whose amounts can add up to "
            f"{self.total:g}; widen bounds, max_parts or min_when_used"
        )

    def sample(self, rng: np.random.Generator, n: int) -> Array:
        """Draw compositions: which parts are used, and amounts uniformly among all that these can have."""
        used = self.draw_used(rng, n)
        return self.draw_amounts(rng, used)

    def draw_amounts(self, rng: np.random.Generator, used: Mask) -> Array:
        """Draw amounts uniformly, by hit-and-run sampling along exchanges between two parts.

        Within the simplex an exchange keeps the sum, and the step along it is drawn uniformly from all that is allowed,
        which converges to the uniform distribution (Smith 1984, doi:10.1287/opre.32.6.1296).
        """
        low, high = self.get_bounds(used)
        parts = self.project(low + (self.total - low.sum(axis=1, keepdims=True)) / used.sum(axis=1)[:, None], low, high)
        # only used parts exchange, so they are moved to the front
        order = np.argsort(~used, axis=1, kind="stable")[:, : int(used.sum(axis=1).max(initial=0))]
        low, high, short = (np.take_along_axis(values, order, axis=1) for values in (low, high, parts))
        rows, count = np.arange(len(parts)), used.sum(axis=1)
        for _ in range(12 * order.shape[1] if order.shape[1] > 1 else 0):
            first = (rng.random(len(parts)) * count).astype(int)
            second = (first + 1 + (rng.random(len(parts)) * np.maximum(count - 1, 0)).astype(int)) % count
            room_up = np.minimum(high[rows, first] - short[rows, first], short[rows, second] - low[rows, second])
            room_down = np.minimum(short[rows, first] - low[rows, first], high[rows, second] - short[rows, second])
            moved = np.where(first == second, 0.0, rng.random(len(parts)) * (room_up + room_down) - room_down)
            short[rows, first] += moved
            short[rows, second] -= moved
        drawn = np.zeros_like(parts)
        np.put_along_axis(drawn, order, short, axis=1)
        return self.project(drawn, *self.get_bounds(used))

    def project(self, parts: Array, low: Array, high: Array) -> Array:
        """Return the nearest compositions within bounds that add up to the total."""
        # sum(clip(x + shift)) rises with the shift, so that bisection finds it
        ends = [(low - parts).min(axis=1), (high - parts).max(axis=1)]
        for _ in range(N_BISECTIONS):
            middle = (ends[0] + ends[1]) / 2
            above = np.clip(parts + middle[:, None], low, high).sum(axis=1) > self.total
            ends = [np.where(above, ends[0], middle), np.where(above, middle, ends[1])]
        return self._complete(np.clip(parts + ends[0][:, None], low, high), low, high)

    def _complete(self, found: Array, low: Array, high: Array) -> Array:
        """Give the last bits that compositions lack to the part with most room, in place."""
        rows, rest = np.arange(len(found)), self.total - found.sum(axis=1)
        widest = np.argmax(np.where(rest[:, None] > 0, high - found, found - low), axis=1)
        found[rows, widest] += rest
        return found

    def from_unit(self, unit: Array, like: Array) -> Array:
        """Map the unit cube onto amounts of the parts that `like` uses, each within what the remaining parts leave."""
        low, high = self.get_bounds(self.find_used(like))
        parts = np.zeros_like(low)
        for i in range(self.n_parts - 1):
            least, largest = self._compute_room(parts, low, high, i)
            parts[:, i] = least + unit[:, i] * (largest - least)
        parts[:, -1] = self.total - parts[:, :-1].sum(axis=1)
        return self._complete(np.clip(parts, low, high), low, high)

    def to_unit(self, parts: Array) -> Array:
        """Undo `from_unit`; where a part has one possible value, its coordinate is 0."""
        low, high = self.get_bounds(self.find_used(parts))
        unit = np.zeros((len(parts), self.n_parts - 1))
        for i in range(self.n_parts - 1):
            least, largest = self._compute_room(parts, low, high, i)
            room = largest - least
            unit[:, i] = np.where(room > 0, (parts[:, i] - least) / np.where(room > 0, room, 1), 0)
        return np.clip(unit, 0, 1)

    def _compute_room(self, parts: Array, low: Array, high: Array, i: int) -> tuple[Array, Array]:
        """Compute the least and the largest amount of part i of each row, given the parts before it."""
        left = self.total - parts[:, :i].sum(axis=1)
        least = np.maximum(low[:, i], left - high[:, i + 1 :].sum(axis=1))
        largest = np.minimum(high[:, i], left - low[:, i + 1 :].sum(axis=1))
        return least, np.maximum(least, largest)

    def snap(self, parts: Array) -> Array:
        """Round amounts to steps; parts that are used stay so, and the others stay 0."""
        used = self.find_used(parts)
        low, high = self.get_bounds(used)
        if not self.step:
            return parts
        # rows of a table may use parts that no design may use together; they are left as they are
        good = self.are_possible(used)
        snapped = parts.copy()
        snapped[good] = snap_parts(parts[good], low[good], high[good], self.step, self.total)
        return snapped

    def perturb(self, parts: Array, rng: np.random.Generator, step_scale: Array | float) -> Array:
        """Return compositions around given ones: in some a part is exchanged for another, added or left out."""
        n, used = len(parts), self.find_used(parts)
        moved, changed = parts.copy(), used.copy()
        if self.has_zeros:
            rows = np.arange(n)
            keys = rng.random(parts.shape)
            leaving = np.argmax(np.where(used & ~self.required, keys, -1), axis=1)
            entering = np.argmax(np.where(used, -1, keys), axis=1)
            kind = np.where(rng.random(n) < 0.35, rng.random(n), 2.0)
            swaps, adds, drops = kind < SWAP, (kind >= SWAP) & (kind < ADD), (kind >= ADD) & (kind < DROP)
            out, into = swaps | drops, swaps | adds
            moved[rows[into], entering[into]] = np.where(swaps, parts[rows, leaving], self.least[entering])[into]
            changed[rows[into], entering[into]] = True
            moved[rows[out], leaving[out]] = 0.0
            changed[rows[out], leaving[out]] = False
            good = self.are_possible(changed)
            moved, changed = np.where(good[:, None], moved, parts), np.where(good[:, None], changed, used)
            # rows of a table may break the rules; the search goes on from others
            broken = ~self.are_possible(changed)
            if broken.any():
                changed[broken] = self.draw_used(rng, int(broken.sum()))
        low, high = self.get_bounds(changed)
        return self.project(moved + rng.normal(size=parts.shape) * step_scale * (high - low), low, high)

    def list_exchanges(self, parts: Array) -> Array:
        """List all compositions in which one part of a given one is exchanged, added or left out, shape (n, n_parts).

        Args:
            parts: one composition, shape (n_parts,).
        """
        used = self.find_used(parts[None])[0]
        free = np.flatnonzero(used & ~self.required)
        found = []
        for entering in np.flatnonzero(~used) if self.has_zeros else ():
            added = parts.copy()
            added[entering] = self.least[entering]
            found.append(added)
            for leaving in free:
                swapped = parts.copy()
                swapped[[entering, leaving]] = parts[leaving], 0.0
                found.append(swapped)
        for leaving in free if self.has_zeros else ():
            dropped = parts.copy()
            dropped[leaving] = 0.0
            found.append(dropped)
        listed = np.array(found).reshape(-1, self.n_parts)
        listed = listed[self.are_possible(self.find_used(listed))]
        return self.project(listed, *self.get_bounds(self.find_used(listed)))
