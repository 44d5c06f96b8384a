"""The search space of a campaign: a region, and how designs are drawn from it or listed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.designs import Derived
from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.space.constraints import expand_derived
from batterymi.optimise.space.grids import enumerate_grid
from batterymi.optimise.space.hit_and_run import MIN_SHARE, sample_hit_and_run
from batterymi.optimise.space.region import Region
from batterymi.vocabulary.measured import CANDIDATE

SAME = 1e-6  # of the search range: designs that differ less count as the same
MAX_ENUMERATED = 20_000
N_ON_EQUALITY = 4096  # designs that are drawn at most where each is moved onto equality constraints
MAX_SPREAD, N_SPREAD = 256, 1024  # designs that are spread one by one, and random ones that they are chosen from


@dataclass(frozen=True)
class Space(Region):
    """The set of allowed designs.

    Attributes:
        candidates: the designs to choose from, or None if any design of the region will do.
        shared: features of which all designs of a batch have the same value.
    """

    candidates: pd.DataFrame | None = None
    shared: tuple[str, ...] = field(default=(), kw_only=True)

    def sample(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Draw designs uniformly from all that meet bounds, composition and constraints.

        Where hardly any design meets the constraints, the first ones are searched for by descent, and the others are
        drawn by hit-and-run from there, which is no longer exactly uniform.

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
        """Draw designs as `sample` does, in codes."""
        if self._pool is not None:
            return self._pool[rng.integers(len(self._pool), size=n)]
        kept: list[Array] = []
        n_drawn = n_kept = 0
        while n_kept < n:
            # many draws may be infeasible, and a batch costs little more than one draw
            batch = self.draw_codes(rng, self._choose_batch(n))
            inside = batch[self.allowed(batch)]
            kept.append(inside)
            n_drawn, n_kept = n_drawn + len(batch), n_kept + len(inside)
            if self.equalities is not None and n_drawn >= N_ON_EQUALITY and n_kept < n:
                return sample_hit_and_run(self, np.vstack(kept), rng, n)
            # enough draws to expect ten feasible designs at the smallest share
            if n_drawn >= 10 / MIN_SHARE and n_kept < MIN_SHARE * n_drawn:
                return sample_hit_and_run(self, np.vstack(kept), rng, n)
        return np.vstack(kept)[:n]

    def _choose_batch(self, n: int) -> int:
        """Choose how many designs to draw at once, to be left with n that meet the constraints."""
        if self.equalities is not None:
            # moved onto the equalities, most meet them, and the move takes time
            return max(n + n // 4, 64)
        return max(4 * n, 64) if self.is_constrained else n

    def fill(self, rng: np.random.Generator, n: int) -> pd.DataFrame:
        """Return designs that fill the space evenly: a scrambled Sobol sequence without infeasible designs.

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
        """Fill the space as `fill` does, in codes."""
        from scipy.stats import qmc

        if self._pool is not None:
            return self._pool[rng.permutation(len(self._pool))[:n]] if n <= len(self._pool) else self._pool
        if self.is_structured:
            return self._spread_codes(rng, n)
        sobol = qmc.Sobol(self.n_numbers + len(self.categories), rng=rng)
        kept: list[Array] = []
        n_drawn = 0
        while sum(map(len, kept)) < n:
            # Sobol sequences are balanced only at powers of 2
            points = sobol.random(2 ** int(np.ceil(np.log2(max(n, 2)))))
            codes = np.zeros((len(points), len(self.features)))
            for i, feature in enumerate(self.categories):
                share = points[:, self.n_numbers + i]
                codes[:, self.names.index(feature.name)] = np.floor(share * len(feature.choices or ()))
            batch = self.settle(self.place(points[:, : self.n_numbers], self.hold(codes)))
            kept.append(batch[self.allowed(batch)])
            n_drawn += len(batch)
            if n_drawn >= 1 / MIN_SHARE and sum(map(len, kept)) < 100 * MIN_SHARE * n_drawn:
                more = n - sum(map(len, kept))
                kept.append(self.sample_codes(rng, max(more, 1)))
        return np.vstack(kept)[:n]

    def _spread_codes(self, rng: np.random.Generator, n: int) -> Array:
        """Return designs chosen one by one from random ones, each as far as possible from those before.

        Sobol sequences do not fill spaces in which designs differ in which of their numbers are free.
        """
        if n > MAX_SPREAD:
            return self.sample_codes(rng, n)
        # of a fixed size, so that more designs begin with the same ones
        drawn = self.sample_codes(rng, N_SPREAD)
        inputs, chosen = self.inputs(drawn), [0]
        distance = np.linalg.norm(inputs - inputs[0], axis=1)
        while len(chosen) < n:
            chosen.append(int(distance.argmax()))
            distance = np.minimum(distance, np.linalg.norm(inputs - inputs[chosen[-1]], axis=1))
        return drawn[chosen]

    def is_feasible(self, designs: pd.DataFrame) -> Mask:
        """Return whether designs meet bounds, steps, composition and constraints, within rounding."""
        codes = self.codes(designs)
        good = (
            np.abs(codes - self.snap_to_grid(codes)).max(axis=1, initial=0)
            <= 1e-9 * np.abs(self.lower + self.width).max()
        )
        if self._pool is not None:
            good &= ~self.is_distinct(codes, self._pool)
        return np.logical_and(good, self.allowed(codes))

    def is_distinct(self, codes: Array, taken: Array) -> Mask:
        """Return which designs differ from all that are taken."""
        if not len(taken):
            return np.ones(len(codes), dtype=bool)
        from scipy.spatial import KDTree

        tree = KDTree(taken / self.width)
        # beyond the bound the tree returns infinity without a search
        distance, _ = tree.query(codes / self.width, p=np.inf, distance_upper_bound=10 * SAME)
        return np.asarray(distance > SAME)

    def relist(self, features: tuple[Feature, ...], designs: pd.DataFrame) -> "Space":
        """Return the space with other designs to choose from, within other bounds, whatever the constraints."""
        return Space(features, candidates=designs)

    def name_candidates(self, designs: pd.DataFrame) -> list[str]:
        """Return what the list of candidates calls designs, an id or a line; empty without a list."""
        if self.candidates is None or CANDIDATE not in self.candidates:
            return [""] * len(designs)
        listed, names = self.codes(self.candidates), self.candidates[CANDIDATE].to_numpy()
        # logarithms are not exact
        is_same = (np.abs(listed - code) <= SAME * self.width for code in self.codes(designs))
        places = [np.flatnonzero(same.all(axis=1)) for same in is_same]
        return [str(names[place[0]]) if len(place) else "" for place in places]

    def list_designs(self) -> Array | None:
        """Return all designs, where they are so few that they can be listed; else None."""
        if self._pool is not None:
            return self._pool
        codes = enumerate_grid(self.features, self.simplex, MAX_ENUMERATED)
        return None if codes is None else codes[self.allowed(codes)]

    @cached_property
    def _pool(self) -> Array | None:
        """Return the candidates that meet all constraints, in codes."""
        if self.candidates is None:
            return None
        codes = self.codes(self.candidates)
        allowed = self.allowed(codes)
        if not allowed.any():
            raise DesignError(f"none of the {len(codes)} candidates lies within the bounds and meets the constraints")
        return codes if allowed.all() else codes[allowed]  # a list may fill the memory, so it is copied only if needed


def make_space(
    features: Sequence[Feature],
    simplex: Simplex | None,
    constraints: Sequence[Constraint],
    known: pd.DataFrame | None = None,
    max_distance: float | None = None,
    derived: Sequence[Derived] = (),
    candidates: pd.DataFrame | None = None,
) -> Space:
    """Make a space over some of a study's features, with the constraints that concern only those."""
    names = {feature.name for feature in features}
    spelt = [expand_derived(constraint, derived) for constraint in constraints]
    kept = tuple(constraint for constraint in spelt if set(constraint.names) <= names)
    whole = simplex if simplex and set(simplex.features) <= names else None
    return Space(tuple(features), whole, kept, known, max_distance, candidates)
