"""The design with the largest acquisition value, over any space: random, then local, then gradient search."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from batterymi.arrays import Array
from batterymi.optimise.space.space import Space

Acquisition = Callable[[Array], Array]
N_BROAD = 512
N_NEAR = 256
N_STARTS = 6
N_ROUND = 24
STEP_SCALES = (0.1, 0.03, 0.01, 0.003, 0.001)
STEP = 1e-6
CHUNK = 1024
MIN_START_DISTANCE = 0.1  # in units of the search range
N_EXCHANGES = 4  # of one part of a composition for another, in a row
REPEATED = np.log(10.0)  # by which a design of the same parts as one of the batch must gain more than one of others


def optimize_acquisition(
    space: Space, acquisition: Acquisition, rng: np.random.Generator, anchors: Array, taken: Array
) -> Array | None:
    """Return the allowed design with the largest acquisition value that was not taken.

    Lists of designs are evaluated completely. Otherwise starts are chosen among designs that fill the space and others
    around the best known ones; ever smaller random steps are tried around them where steps, categories or constraints
    prevent the use of a gradient; and the gradient is followed from all starts.

    Args:
        space: where designs come from.
        acquisition: its value for designs, from codes of shape (n, n_features) to shape (n,).
        rng: source of randomness.
        anchors: the best designs known, in codes.
        taken: designs not to choose again, in codes.

    Returns:
        One design in codes, shape (1, n_features); None if all are taken.
    """
    listed = space.list_designs()
    if listed is not None:
        left = listed[space.is_distinct(listed, taken)]
        return left[[int(np.argmax(evaluate_in_chunks(acquisition, left)))]] if len(left) else None
    broad = space.sample_codes(rng, N_BROAD) if space.is_constrained else space.fill_codes(rng, N_BROAD)
    candidates = np.vstack([broad, _perturb_anchors(space, rng, anchors)])
    candidates = candidates[space.allowed(candidates) & space.is_distinct(candidates, taken)]
    if not len(candidates):
        candidates = _draw_distinct(space, rng, taken)
        if not len(candidates):
            return None
    values = acquisition(candidates)
    starts = _select_starts(space, candidates, values)
    found, values_found = candidates[starts], values[starts]
    if space.has_steps or space.is_constrained or space.categories or space.is_structured:
        found, values_found = _improve_by_steps(space, acquisition, rng, found, values_found, taken)
    if space.mixture is not None and space.mixture.has_zeros:
        found, values_found = _exchange_parts(space, acquisition, found, values_found, taken)
    if space.n_numbers:
        polished = space.settle(_follow_gradient(space, acquisition, found))
        good = space.allowed(polished) & space.is_distinct(polished, taken)
        found = np.vstack([found, polished[good]])
        values_found = np.concatenate([values_found, acquisition(polished[good])]) if good.any() else values_found
    return found[[int(np.argmax(values_found))]]


def evaluate_in_chunks(acquisition: Acquisition, codes: Array) -> Array:
    """Return acquisition values of many designs, shape (n,), in chunks that fit the memory."""
    chunks = [acquisition(codes[start : start + CHUNK]) for start in range(0, len(codes), CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty(0)


def select_shortlist(acquisition: Acquisition, codes: Array, n: int) -> Array:
    """Return the n designs of a long list with the largest acquisition values, best first, in codes."""
    values = evaluate_in_chunks(acquisition, codes)
    if len(values) > n:
        # cheaper than sorting the whole of a long list
        chosen = np.argpartition(-values, n)[:n]
        return codes[chosen[np.argsort(-values[chosen], kind="stable")]]
    return codes[np.argsort(-values, kind="stable")]


def _perturb_anchors(space: Space, rng: np.random.Generator, anchors: Array) -> Array:
    """Return designs around the best known ones, at several distances."""
    if not len(anchors):
        return np.empty((0, len(space.features)))
    around = anchors[np.arange(N_NEAR) % len(anchors)]
    return space.perturb(around, rng, 10.0 ** rng.uniform(-2.5, -0.5, size=(N_NEAR, 1)))


def _draw_distinct(space: Space, rng: np.random.Generator, taken: Array) -> Array:
    """Draw any designs that were not taken; none after some attempts."""
    for _ in range(20):
        drawn = space.sample_codes(rng, N_BROAD)
        left = drawn[space.is_distinct(drawn, taken)]
        if len(left):
            return left
    return np.empty((0, len(space.features)))


def _select_starts(space: Space, codes: Array, values: Array) -> list[int]:
    """Return the places of the best designs, no two of them close together."""
    inputs = space.inputs(codes)
    chosen: list[int] = []
    # starts on one peak would all end at the same maximum; 200 bounds the time
    for i in np.argsort(-values, kind="stable")[:200]:
        if all(np.linalg.norm(inputs[i] - inputs[j]) > MIN_START_DISTANCE for j in chosen):
            chosen.append(int(i))
        if len(chosen) == N_STARTS:
            break
    return chosen


def _improve_by_steps(
    space: Space, acquisition: Acquisition, rng: np.random.Generator, found: Array, values_found: Array, taken: Array
) -> tuple[Array, Array]:
    """Find better designs by ever smaller steps from each start."""
    for step_scale in STEP_SCALES:
        around = space.perturb(np.repeat(found, N_ROUND, axis=0), rng, step_scale)
        good = space.allowed(around) & space.is_distinct(around, taken)
        values = np.full(len(around), -np.inf)
        if good.any():
            values[good] = acquisition(around[good])
        best = values.reshape(len(found), N_ROUND).argmax(axis=1) + np.arange(len(found)) * N_ROUND
        better = values[best] > values_found
        found = np.where(better[:, None], around[best], found)
        values_found = np.where(better, values[best], values_found)
    return found, values_found


def _exchange_parts(
    space: Space, acquisition: Acquisition, found: Array, values_found: Array, taken: Array
) -> tuple[Array, Array]:
    """Exchange one part of each composition for another, add one or leave one out, as long as that is better."""
    assert space.mixture is not None
    found, values_found = found.copy(), values_found.copy()
    for place in range(len(found)):
        for _ in range(N_EXCHANGES):
            parts = space.mixture.list_exchanges(found[place, space.part_columns])
            moved = np.repeat(found[[place]], len(parts), axis=0)
            moved[:, space.part_columns] = parts
            moved = space.settle(moved)
            moved = moved[space.allowed(moved) & space.is_distinct(moved, taken)]
            values = acquisition(moved) if len(moved) else np.array([-np.inf])
            if values.max() <= values_found[place]:
                break
            found[place], values_found[place] = moved[int(values.argmax())], values.max()
    return found, values_found


def prefer_other_parts(space: Space, acquisition: Acquisition, chosen: Sequence[Array]) -> Acquisition:
    """Return an acquisition function, a logarithm, that is lower where a design of the batch uses the same parts.

    A batch of one composition in several amounts says less about the other parts than one of several; it is made only
    where it gains far more.
    """
    mixture = space.mixture
    if mixture is None or not mixture.has_zeros or not len(chosen):
        return acquisition
    before = mixture.find_used(np.vstack(chosen)[:, space.part_columns])

    def lowered(codes: Array) -> Array:
        used = mixture.find_used(codes[:, space.part_columns])
        n_same = (used[:, None, :] == before[None, :, :]).all(axis=2).sum(axis=1)
        return acquisition(codes) - REPEATED * n_same

    return lowered


def _follow_gradient(space: Space, acquisition: Acquisition, codes: Array) -> Array:
    """Follow the slope from each design, categories held, whatever steps and constraints."""
    unit = space.compute_coordinates(codes)
    n, d = unit.shape

    def objective(vector: Array) -> tuple[float, Array]:
        here = vector.reshape(n, d)
        # differences point inwards, so that no point leaves the cube
        step = np.where(here > 0.5, -STEP, STEP)
        points = np.repeat(here[:, None, :], d + 1, axis=1)
        points[:, np.arange(1, d + 1), np.arange(d)] += step
        placed = space.approach(space.place(points.reshape(-1, d), np.repeat(codes, d + 1, axis=0)))
        values = acquisition(placed).reshape(n, d + 1)
        slope = (values[:, 1:] - values[:, :1]) / step
        return -float(values[:, 0].sum()), -slope.ravel()

    # all starts form one vector: their terms are independent, and one call predicts them together
    found = minimize(
        objective, unit.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, 1)] * (n * d), options={"maxiter": 60}
    )
    return space.approach(space.place(found.x.reshape(n, d), codes))
