"""Designs of regions so narrow that random draws miss them: descent to the region, then hit-and-run sampling."""

from dataclasses import replace

import numpy as np

from batterymi.arrays import Array
from batterymi.errors import DesignError
from batterymi.optimise.space.region import Region

MIN_SHARE = 1e-4  # of random designs that must meet the constraints for them to be drawn at random
N_CHAINS = 24
N_STEPS = 40  # of a chain between two designs that are kept
N_TRIES = 32
N_ROUNDS = 60


def sample_hit_and_run(space: Region, found: Array, rng: np.random.Generator, n: int) -> Array:
    """Draw designs of a narrow region: first ones by descent, then random steps from there.

    Every other step goes along the difference of two designs, which follows the region where it is slanted (ter Braak
    2006, doi:10.1007/s11222-006-8769-1).

    Args:
        space: where designs come from.
        found: designs that random draws gave and that meet the constraints, in codes; may be none.
        rng: source of randomness.
        n: how many.

    Returns:
        Shape (n, n_features), in codes.

    Raises:
        DesignError: if no design that meets the constraints is found.
    """
    if space.equalities is not None and not len(found):
        raise DesignError(explain_unmet_equalities(space, rng))
    is_started = len(found) >= 3 or space.equalities is not None
    chains = found[:N_CHAINS] if is_started else descend_to_feasible(space, rng)
    step_scale = np.full((len(chains), 1), 0.1)
    kept = [chains]
    while sum(map(len, kept)) < n:
        for step in range(N_STEPS):
            # designs that differ in which of their numbers are free have no difference to go along
            along = step % 2 == 1 and len(chains) >= 3 and not space.is_structured
            stepped = _move_along_differences(space, chains, rng) if along else space.perturb(chains, rng, step_scale)
            good = space.allowed(stepped)[:, None]
            chains = np.where(good, stepped, chains)
            if not along:
                step_scale = np.clip(np.where(good, step_scale * 1.3, step_scale * 0.9), 1e-5, 0.5)
        kept.append(chains)
    return np.vstack(kept)[:n]


def _move_along_differences(space: Region, chains: Array, rng: np.random.Generator) -> Array:
    """Move each design by a multiple of the difference of two of them."""
    unit = space.compute_coordinates(chains)
    first, second = (rng.permutation(len(chains)) for _ in range(2))
    moved = unit + rng.normal(size=(len(unit), 1)) * (unit[first] - unit[second])
    return space.settle(space.place(np.clip(moved, 0, 1), chains))


def descend_to_feasible(space: Region, rng: np.random.Generator) -> Array:
    """Find designs that meet all constraints, from several starts by ever smaller steps that break them less.

    Raises:
        DesignError: if none is found; it names the tightest constraint and how close designs come to it.
    """
    drawn = space.draw_codes(rng, N_CHAINS * N_TRIES)
    best, lowest = _best_of_each(space, drawn)
    step_scale = np.full((N_CHAINS, 1), 0.25)
    for _ in range(N_ROUNDS):
        tried = space.perturb(np.repeat(best, N_TRIES, axis=0), rng, np.repeat(step_scale, N_TRIES, axis=0))
        around, broken = _best_of_each(space, tried)
        better = broken < lowest
        best = np.where(better[:, None], around, best)
        lowest = np.where(better, broken, lowest)
        step_scale = np.where(better[:, None], step_scale, step_scale * 0.8)
        if (lowest <= 0).all():
            break
    good = space.allowed(best)
    if good.any():
        return best[good]
    raise DesignError(explain_empty_region(space, np.vstack([drawn, best])))


def _best_of_each(space: Region, codes: Array) -> tuple[Array, Array]:
    """Return of each start's designs the one that breaks the constraints least, and by how much."""
    broken = sum_violations(space, codes).reshape(N_CHAINS, -1)
    chosen = broken.argmin(axis=1)
    rows = np.arange(N_CHAINS)
    return codes.reshape(N_CHAINS, -1, codes.shape[1])[rows, chosen], broken[rows, chosen]


def sum_violations(space: Region, codes: Array) -> Array:
    """Add up by how much designs break the constraints, each in units of the range of its margin."""
    total = np.zeros(len(codes))
    for i in range(len(space.constraints)):
        margin = space.margin(i, codes)
        scale = float(np.ptp(space.margin(i, space.probe_points))) or 1.0
        total += np.maximum(-margin, 0) / scale
    if space.known is not None and space.max_distance is not None:
        total += np.maximum(space.distance(space.frame(codes), space.known) - space.max_distance, 0)
    return total


def explain_unmet_equalities(space: Region, rng: np.random.Generator) -> str:
    """Name an equality constraint that no design was found to meet, and how near designs come to it."""
    drawn = space.draw_codes(rng, N_CHAINS * N_TRIES)
    margins = {constraint.name: space.margin(i, drawn) for i, constraint in enumerate(space.constraints)}
    lost = [constraint for constraint in space.constraints if not (margins[constraint.name] >= 0).any()]
    if not lost:
        names = ", ".join(f"'{name}'" for name in margins)
        return (
            f"each of the constraints {names} can be met, but no design was found that meets all of them at once; "
            "widen the bounds, take finer steps, or change one"
        )
    first, nearest = lost[0], float(margins[lost[0].name].max())
    return (
        f"constraint '{first.name}' ({first.expression or first.function}): no design within the bounds and on the "
        f"steps was found that meets it; the nearest violates it by {-nearest:.3g}; widen the bounds, take finer "
        "steps, or give the constraint a tolerance"
    )


def explain_empty_region(space: Region, codes: Array) -> str:
    """Name the constraint that is broken most, and how near designs come to it."""
    if not space.constraints:
        return f"hardly any design lies within {space.max_distance:g} of a known row; raise campaign.max_distance"
    if len(space.constraints) > 1:
        for constraint in space.constraints:
            try:
                descend_to_feasible(replace(space, constraints=(constraint,)), np.random.default_rng(0))
            except DesignError as error:
                return str(error)
        names = ", ".join(f"'{constraint.name}'" for constraint in space.constraints)
        return (
            f"each of the constraints {names} can be met alone, but no design was found that meets all of them at once"
        )
    nearest = float(space.margin(0, codes).max())
    return (
        f"constraint '{space.constraints[0].name}' is met by fewer than 1 in {1 / MIN_SHARE:.0f} designs within the "
        f"bounds; the nearest violates it by {-nearest:.3g}; widen the bounds or change the constraint"
    )
