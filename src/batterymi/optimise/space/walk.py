"""Designs within regions so narrow that random draws miss them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from batterymi.errors import DesignError
from batterymi.optimise.space.space import MIN_SHARE, Space

Array = NDArray[np.float64]
N_WALKERS = 24
N_WALK = 40  # steps of a walk between two designs that are kept
N_TRIES = 32
N_ROUNDS = 60


def walk(space: Space, found: Array, rng: np.random.Generator, n: int) -> Array:
    """Designs of a narrow region: first ones by narrowing in, the others by random steps from there.

    Every other step goes along the difference of two designs, which follows the region where it is slanted (ter Braak
    2006, doi:10.1007/s11222-006-8769-1).

    Args:
        space: where designs come from.
        found: designs that meet the constraints and were met by chance, in codes; may be none.
        rng: source of randomness.
        n: how many are wanted.

    Returns:
        Shape (n, n_features), in codes.

    Raises:
        DesignError: if no design that meets the constraints is found.
    """
    walkers = found[:N_WALKERS] if len(found) >= 3 else narrow_in(space, rng)
    reach = np.full((len(walkers), 1), 0.1)
    kept = [walkers]
    while sum(map(len, kept)) < n:
        for step in range(N_WALK):
            along = step % 2 == 1 and len(walkers) >= 3
            stepped = _along_differences(space, walkers, rng) if along else space.vary(walkers, rng, reach)
            good = space.allowed(stepped)[:, None]
            walkers = np.where(good, stepped, walkers)
            if not along:
                reach = np.clip(np.where(good, reach * 1.3, reach * 0.9), 1e-5, 0.5)
        kept.append(walkers)
    return np.vstack(kept)[:n]


def _along_differences(space: Space, walkers: Array, rng: np.random.Generator) -> Array:
    """Each design moved by a multiple of the difference of two others."""
    unit = space.coordinates(walkers)
    first, second = (rng.permutation(len(walkers)) for _ in range(2))
    moved = unit + rng.normal(size=(len(unit), 1)) * (unit[first] - unit[second])
    return space.snap(space.place(np.clip(moved, 0, 1), walkers))


def narrow_in(space: Space, rng: np.random.Generator) -> Array:
    """Designs that meet all constraints, found from several starts by ever smaller steps that break them less.

    Raises:
        DesignError: if none is found; it names the tightest constraint and how near designs come to it.
    """
    drawn = space.draw_codes(rng, N_WALKERS * N_TRIES)
    best, lowest = _best_of_each(space, drawn)
    reach = np.full((N_WALKERS, 1), 0.25)
    for _ in range(N_ROUNDS):
        tried = space.vary(np.repeat(best, N_TRIES, axis=0), rng, np.repeat(reach, N_TRIES, axis=0))
        around, broken = _best_of_each(space, tried)
        better = broken < lowest
        best = np.where(better[:, None], around, best)
        lowest = np.where(better, broken, lowest)
        reach = np.where(better[:, None], reach, reach * 0.8)
        if (lowest <= 0).all():
            break
    good = space.allowed(best)
    if good.any():
        return best[good]
    raise DesignError(why_empty(space, np.vstack([drawn, best])))


def _best_of_each(space: Space, codes: Array) -> tuple[Array, Array]:
    """Of each start's designs the one that breaks the constraints least, and by how much."""
    broken = total_violation(space, codes).reshape(N_WALKERS, -1)
    chosen = broken.argmin(axis=1)
    rows = np.arange(N_WALKERS)
    return codes.reshape(N_WALKERS, -1, codes.shape[1])[rows, chosen], broken[rows, chosen]


def total_violation(space: Space, codes: Array) -> Array:
    """By how much designs break the constraints, each in units of the range of its margin, added up."""
    total = np.zeros(len(codes))
    for i in range(len(space.constraints)):
        margin = space.margin(i, codes)
        scale = float(np.ptp(space.margin(i, space.scouts))) or 1.0
        total += np.maximum(-margin, 0) / scale
    if space.known is not None and space.reach is not None:
        total += np.maximum(space.distance(space.frame(codes), space.known) - space.reach, 0)
    return total


def why_empty(space: Space, codes: Array) -> str:
    """Name the constraint that is broken most, and how near designs come to it."""
    if not space.constraints:
        return f"hardly any design lies within {space.reach:g} of a known row; raise campaign.reach"
    if len(space.constraints) > 1:
        for constraint in space.constraints:
            try:
                narrow_in(replace(space, constraints=(constraint,)), np.random.default_rng(0))
            except DesignError as error:
                return str(error)
        names = ", ".join(f"'{constraint.name}'" for constraint in space.constraints)
        return (
            f"each of the constraints {names} can be met alone, but no design was found that meets all of them at once"
        )
    nearest = float(space.margin(0, codes).max())
    return (
        f"constraint '{space.constraints[0].name}' is met by fewer than 1 in {1 / MIN_SHARE:.0f} designs within the "
        f"bounds; the nearest misses it by {-nearest:.3g}; widen the bounds or change the constraint"
    )
