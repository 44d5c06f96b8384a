"""Bayesian optimisation by scikit-optimize."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.optimise.engines.base import N_ANCHORS, fill_space, list_taken, make_suggestions
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition, prefer_other_parts
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import penalise_scores
from batterymi.optimise.space.space import Space


def propose_designs(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose designs with the largest expected improvement of the score, by scikit-optimize's Gaussian process.

    The library fits and predicts; the search for the largest improvement is ours, since its own knows neither steps nor
    constraints. Of a batch, each design counts with its predicted value before the next is chosen. See `Engine`.
    """
    # slow to import, so only where it is used
    from skopt import Optimizer
    from skopt.acquisition import gaussian_ei
    from skopt.space import Categorical, Real

    space = search.space
    rng = np.random.default_rng([seed, len(history)])
    known, taken = space.codes(history), list_taken(search, history, pending)
    values = penalise_scores(history)
    if len(history) < 2:
        return fill_space(space, rng, n, taken)
    # rebuilt in every call, since engines keep no state; with 1 initial point tell() fits at once
    dimensions: list[Any] = [
        *(Real(0.0, 1.0) for _ in range(space.n_numbers)),
        *(Categorical(f.choices) for f in space.categories),
    ]
    if space.is_structured or any(feature.ordered for feature in space.categories):
        dimensions = [Real(0.0, 1.0) for _ in range(space.inputs(space.lower[None]).shape[1])]
    optimizer = Optimizer(dimensions, "GP", n_initial_points=1, random_state=int(rng.integers(2**31)))
    anchors = known[np.argsort(values, kind="stable")[:N_ANCHORS]]
    # the library's notes on repeated points and on kernel parameters at their bounds
    with warnings.catch_warnings(action="ignore"):
        optimizer.tell(_make_points(space, known), values.tolist())
        if len(taken) > len(known):
            _tell_predicted(optimizer, _make_points(space, taken[len(known) :]))
        chosen: list[Array] = []
        reasons: list[str] = []
        for number in range(n):

            def acquisition(codes: Array) -> Array:
                transformed = optimizer.space.transform(_make_points(space, codes))
                return gaussian_ei(transformed, optimizer.models[-1], y_opt=min(optimizer.yi))

            def acquire_log(codes: Array) -> Array:
                with np.errstate(divide="ignore"):
                    return np.log(acquisition(codes))

            # exchanges of parts are compared by ratios of improvements
            wanted = prefer_other_parts(space, acquire_log, chosen) if space.mixture is not None else acquisition
            design = optimize_acquisition(space, wanted, rng, anchors, taken)
            if design is None:
                break
            chosen.append(design)
            reasons.append(f"expected improvement of the score {float(acquisition(design)[0]):.3g}")
            taken = np.vstack([taken, design])
            # tell() refits the model, which nobody needs after the last design
            if number + 1 < n:
                _tell_predicted(optimizer, _make_points(space, design))
    return make_suggestions(space, chosen, reasons)


def _tell_predicted(optimizer: Any, points: list[list[Any]]) -> None:
    """Add designs with the values that are predicted for them."""
    predicted = optimizer.models[-1].predict(optimizer.space.transform(points))
    optimizer.tell(points, [float(value) for value in predicted])


def _make_points(space: Space, codes: Array) -> list[list[Any]]:
    """Return points in the optimizer's coordinates."""
    if space.is_structured or any(feature.ordered for feature in space.categories):
        # coordinates of designs with other free numbers do not compare, so the library gets what models get
        return np.clip(space.inputs(codes), 0, 1).tolist()
    unit = space.compute_coordinates(codes).tolist()
    frame = space.frame(codes)[[feature.name for feature in space.categories]]
    return [[*numbers, *words] for numbers, words in zip(unit, frame.to_numpy(object).tolist(), strict=True)]
