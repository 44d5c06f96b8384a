"""The design that promises most, over any space: broad, then near, then by slope."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from batterymi.optimise.space.space import Space

Array = NDArray[np.float64]
Promise = Callable[[Array], Array]
N_BROAD = 512
N_NEAR = 256
N_STARTS = 6
N_ROUND = 24
REACHES = (0.1, 0.03, 0.01, 0.003, 0.001)
STEP = 1e-6
CHUNK = 1024
APART = 0.1  # between starts, in units of the search range


def best_design(space: Space, promise: Promise, rng: np.random.Generator, anchors: Array, taken: Array) -> Array | None:
    """The allowed design with the largest promise that was not taken.

    Lists of designs are searched whole. Elsewhere designs that fill the space, and others around the best known ones,
    give starts; around those ever smaller steps are tried where steps, categories or constraints stand in the way of a
    slope; and from all starts the slope is followed.

    Args:
        space: where designs come from.
        promise: what a design promises, from codes of shape (n, n_features) to shape (n,).
        rng: source of randomness.
        anchors: the best designs known, in codes.
        taken: designs not to choose again, in codes.

    Returns:
        One design in codes, shape (1, n_features); None if all are taken.
    """
    every = space.every()
    if every is not None:
        left = every[space.apart(every, taken)]
        return left[[int(np.argmax(in_pieces(promise, left)))]] if len(left) else None
    candidates = np.vstack([_broad(space, rng), _near(space, rng, anchors)])
    candidates = candidates[space.allowed(candidates) & space.apart(candidates, taken)]
    if not len(candidates):
        candidates = _unlike(space, rng, taken)
        if not len(candidates):
            return None
    values = promise(candidates)
    starts = _spread(space, candidates, values)
    found, promised = candidates[starts], values[starts]
    if space.has_steps or space.is_constrained or space.categories:
        found, promised = _step_around(space, promise, rng, found, promised, taken)
    if space.n_numbers:
        polished = space.snap(_follow_slope(space, promise, found))
        good = space.allowed(polished) & space.apart(polished, taken)
        found = np.vstack([found, polished[good]])
        promised = np.concatenate([promised, promise(polished[good])]) if good.any() else promised
    return found[[int(np.argmax(promised))]]


def in_pieces(promise: Promise, codes: Array) -> Array:
    """Promises of many designs, computed in pieces that fit the memory, shape (n,)."""
    pieces = [promise(codes[start : start + CHUNK]) for start in range(0, len(codes), CHUNK)]
    return np.concatenate(pieces) if pieces else np.empty(0)


def shortlist(promise: Promise, codes: Array, n: int) -> Array:
    """The n designs of a long list that promise most, best first, in codes."""
    values = in_pieces(promise, codes)
    if len(values) > n:
        chosen = np.argpartition(-values, n)[:n]
        return codes[chosen[np.argsort(-values[chosen], kind="stable")]]
    return codes[np.argsort(-values, kind="stable")]


def _broad(space: Space, rng: np.random.Generator) -> Array:
    """Designs all over the space."""
    return space.sample_codes(rng, N_BROAD) if space.is_constrained else space.fill_codes(rng, N_BROAD)


def _near(space: Space, rng: np.random.Generator, anchors: Array) -> Array:
    """Designs around the best known ones, at several distances."""
    if not len(anchors):
        return np.empty((0, len(space.features)))
    around = anchors[np.arange(N_NEAR) % len(anchors)]
    return space.vary(around, rng, 10.0 ** rng.uniform(-2.5, -0.5, size=(N_NEAR, 1)))


def _unlike(space: Space, rng: np.random.Generator, taken: Array) -> Array:
    """Any designs that were not taken, after some patience."""
    for _ in range(20):
        drawn = space.sample_codes(rng, N_BROAD)
        left = drawn[space.apart(drawn, taken)]
        if len(left):
            return left
    return np.empty((0, len(space.features)))


def _spread(space: Space, codes: Array, values: Array) -> list[int]:
    """The most promising designs, no two of them close together."""
    inputs = space.inputs(codes)
    chosen: list[int] = []
    for i in np.argsort(-values, kind="stable")[:200]:
        if all(np.linalg.norm(inputs[i] - inputs[j]) > APART for j in chosen):
            chosen.append(int(i))
        if len(chosen) == N_STARTS:
            break
    return chosen


def _step_around(
    space: Space, promise: Promise, rng: np.random.Generator, found: Array, promised: Array, taken: Array
) -> tuple[Array, Array]:
    """Better designs by ever smaller steps from each start."""
    for reach in REACHES:
        around = space.vary(np.repeat(found, N_ROUND, axis=0), rng, reach)
        good = space.allowed(around) & space.apart(around, taken)
        values = np.full(len(around), -np.inf)
        if good.any():
            values[good] = promise(around[good])
        best = values.reshape(len(found), N_ROUND).argmax(axis=1) + np.arange(len(found)) * N_ROUND
        better = values[best] > promised
        found = np.where(better[:, None], around[best], found)
        promised = np.where(better, values[best], promised)
    return found, promised


def _follow_slope(space: Space, promise: Promise, codes: Array) -> Array:
    """Where the slope leads from each design, categories held, steps and constraints not asked."""
    unit = space.coordinates(codes)
    n, d = unit.shape

    def objective(vector: Array) -> tuple[float, Array]:
        here = vector.reshape(n, d)
        # a difference towards the inside, so that no point leaves the cube
        step = np.where(here > 0.5, -STEP, STEP)
        points = np.repeat(here[:, None, :], d + 1, axis=1)
        points[:, np.arange(1, d + 1), np.arange(d)] += step
        placed = space.place(points.reshape(-1, d), np.repeat(codes, d + 1, axis=0))
        values = promise(placed).reshape(n, d + 1)
        slope = (values[:, 1:] - values[:, :1]) / step
        return -float(values[:, 0].sum()), -slope.ravel()

    found = minimize(
        objective, unit.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, 1)] * (n * d), options={"maxiter": 60}
    )
    return space.place(found.x.reshape(n, d), codes)
