"""Batches whose designs share the values of some features, as pellets in one oven share its temperature."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from batterymi import registry
from batterymi.arrays import Array
from batterymi.optimise.engines.base import can_learn, list_anchors, list_taken
from batterymi.optimise.engines.models import has_all_outcomes, has_any_outcome
from batterymi.optimise.engines.optimize_acquisition import evaluate_in_chunks
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space

N_SETTINGS = 64  # random values of the shared features
N_AROUND = 24  # further ones around the best, in each round
STEP_SCALES = (0.15, 0.05, 0.02)
N_COMPARED = 3  # best ones that the next are around
N_DESIGNS = 384  # random designs with which each is combined
IGNORANT = ("random", "sobol")  # engines that learn nothing from the history


def propose_designs(
    engine: str, search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose a batch by a registered engine; where designs share values, these are chosen first.

    The shared values are those for which the acquisition values of the n best of many designs add up to most. The
    engine then fills the batch in the space that they leave. See `Engine` for the other arguments.
    """
    propose: Callable[..., pd.DataFrame] = registry.look_up("engine", engine)
    space = search.space
    if space.shared and n > 1:
        rng = np.random.default_rng([seed, len(history), 5])
        columns = [space.names.index(name) for name in space.shared]
        values = _choose_values(search, history, n, rng, pending, learns=engine not in IGNORANT)
        fixed = tuple((column, float(value)) for column, value in zip(columns, values, strict=True))
        search = replace(search, space=replace(space, fixed=fixed))
    return propose(search, history, n, seed, pending)


def _choose_values(
    search: Search,
    history: pd.DataFrame,
    n: int,
    rng: np.random.Generator,
    pending: pd.DataFrame | None,
    *,
    learns: bool,
) -> Array:
    """Choose the codes of the shared features, shape (n_shared,)."""
    space = search.space
    columns = [space.names.index(name) for name in space.shared]
    known = history[has_any_outcome(history, search.modelled)]
    if not (learns and can_learn(search, known)):
        return _draw_values(search, history, n, rng, pending)
    posterior = Posterior.fit(search, history, known, rng)
    if pending is not None and len(pending):
        posterior = posterior.condition_on(space.codes(pending))
    taken, listed = list_taken(search, history, pending), space.list_designs()
    # the same designs for all values, so that their comparison is not one of luck
    designs = space.sample_codes(rng, max(N_DESIGNS, 4 * n)) if listed is None else listed
    tried = np.vstack(
        [
            space.sample_codes(rng, N_SETTINGS),
            _keep_allowed(space, list_anchors(search, known[has_all_outcomes(known, search.modelled)])),
        ]
    )
    settings = np.unique(tried[:, columns], axis=0)
    gains = np.array([_add_up_gains(space, posterior, columns, setting, designs, taken, n) for setting in settings])
    # values for which there are fewer new designs than a batch takes come last, whatever these gain
    for step_scale in STEP_SCALES:
        best = settings[np.lexsort((-gains[:, 1], -gains[:, 0]))[:N_COMPARED]]
        around = _perturb_values(space, rng, columns, best, designs, step_scale)
        new = np.array([setting for setting in around if not (settings == setting).all(axis=1).any()])
        if len(new):
            more = [_add_up_gains(space, posterior, columns, setting, designs, taken, n) for setting in new]
            settings, gains = np.vstack([settings, new]), np.vstack([gains, more])
    return np.asarray(settings[int(np.lexsort((-gains[:, 1], -gains[:, 0]))[0])])


def _draw_values(
    search: Search, history: pd.DataFrame, n: int, rng: np.random.Generator, pending: pd.DataFrame | None
) -> Array:
    """Draw codes of the shared features at random, of which n new designs are left where that can be known."""
    space = search.space
    columns = [space.names.index(name) for name in space.shared]
    drawn, listed = space.sample_codes(rng, 1)[:, columns], space.list_designs()
    if listed is None:
        return np.asarray(drawn[0])
    left = np.unique(listed[space.is_distinct(listed, list_taken(search, history, pending))], axis=0)[:, columns]
    rooms = [min(n, int((left == drawn[0]).all(axis=1).sum()))]
    if rooms[0] < n:
        drawn = np.vstack([drawn, rng.permutation(np.unique(listed[:, columns], axis=0))])
        rooms = [min(n, int((left == setting).all(axis=1).sum())) for setting in drawn]
    return np.asarray(drawn[int(np.argmax(rooms))])


def _keep_allowed(space: Space, codes: Array) -> Array:
    """Return the designs that the space allows, rounded to its steps."""
    settled = space.settle(codes)
    return settled[space.allowed(settled)]


def _perturb_values(
    space: Space, rng: np.random.Generator, columns: list[int], best: Array, designs: Array, step_scale: float
) -> Array:
    """Return different values of the shared features around the best ones."""
    start = designs[rng.integers(len(designs), size=N_AROUND)].copy()
    start[:, columns] = best[np.arange(N_AROUND) % len(best)]
    moved = space.perturb(start, rng, step_scale)
    return np.unique(moved[space.allowed(moved)][:, columns], axis=0)


def _add_up_gains(
    space: Space, posterior: Posterior, columns: list[int], setting: Array, designs: Array, taken: Array, n: int
) -> tuple[int, float]:
    """Return how many new designs have the shared values, at most n, and what the n best of them gain.

    The gain is the logarithm of the sum of their acquisition values. Each is the gain of a design alone, so the sum is
    an upper bound of the gain of the batch; designs that are too few for a batch add up to less.
    """
    held = replace(space, fixed=tuple(zip(columns, setting.tolist(), strict=True)))
    if space.candidates is None and space.list_designs() is None:
        moved = held.settle(held.hold(designs))
        moved = moved[held.allowed(moved) & held.is_distinct(moved, taken)]
    else:
        moved = designs[(designs[:, columns] == setting).all(axis=1)]
        moved = moved[space.is_distinct(moved, taken)]
    if not len(moved):
        return 0, -np.inf
    values = np.sort(evaluate_in_chunks(posterior.acquire, np.unique(moved, axis=0)))[::-1][:n]
    return len(values), float(values[0] + np.log(np.exp(values - values[0]).sum()))
