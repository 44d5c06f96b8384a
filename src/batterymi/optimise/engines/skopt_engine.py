"""Bayesian optimisation by scikit-optimize."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.optimise.engines.base import N_ANCHORS, fill_space, list_taken, make_suggestions
from batterymi.optimise.engines.models import has_all_outcomes
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition, prefer_other_parts
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import penalise_scores
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.expected import name_deviation_column, name_mean_column

SLACK = 1e-9  # of the search range


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
    taken = list_taken(search, history, pending)
    # the score takes all outcomes, so that rows which lack some are as designs under way, unless they failed
    is_told = has_all_outcomes(history, search.modelled) | (history["failure"] != "").to_numpy()
    known, values = space.codes(history[is_told]), penalise_scores(history[is_told])
    waiting = np.vstack([space.codes(history[~is_told]), taken[len(history) :]])
    if len(known) < 2:
        return fill_space(space, rng, n, taken)
    coordinates = _find_coordinates(space, np.vstack([known, waiting]))
    # rows from before the search range was changed may lie outside of it, which the library refuses
    lows, highs = np.minimum(coordinates.min(axis=0), 0.0), np.maximum(coordinates.max(axis=0), 1.0)
    # rebuilt in every call, since engines keep no state; with 1 initial point tell() fits at once
    dimensions: list[Any] = [
        *(Real(low, high) for low, high in zip(lows.tolist(), highs.tolist(), strict=True)),
        *(Categorical(f.choices) for f in space.categories),
    ]
    if space.is_structured or any(feature.ordered for feature in space.categories):
        dimensions = [Real(0.0, 1.0) for _ in range(space.inputs(space.lower[None]).shape[1])]
    optimizer = Optimizer(dimensions, "GP", n_initial_points=1, random_state=int(rng.integers(2**31)))
    anchors = known[np.argsort(values, kind="stable")[:N_ANCHORS]]
    # the library's notes on repeated points and on kernel parameters at their bounds
    with warnings.catch_warnings(action="ignore"):
        optimizer.tell(_make_points(space, known), values.tolist())
        measured = optimizer.models[-1]
        if len(waiting):
            _tell_predicted(optimizer, _make_points(space, waiting))
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
            reasons.append("by expected improvement of the score")
            taken = np.vstack([taken, design])
            # tell() refits the model, which nobody needs after the last design
            if number + 1 < n:
                _tell_predicted(optimizer, _make_points(space, design))
    # a score that adds up several outcomes, or penalties, or is a distance to a target, says nothing of one
    is_outcome = len(search.modelled) == 1 and search.optimised[0].window is None
    is_outcome = is_outcome and np.array_equal(values, history[is_told]["score"].to_numpy(float))

    def expect(codes: Array) -> pd.DataFrame:
        only = search.optimised[0]
        mean, deviation = measured.predict(optimizer.space.transform(_make_points(space, codes)), return_std=True)
        unit = only.scale / only.weight
        return pd.DataFrame(
            {name_mean_column(only.name): only.sign * unit * mean, name_deviation_column(only.name): unit * deviation}
        )

    return make_suggestions(space, chosen, reasons, expect if is_outcome else None)


def _tell_predicted(optimizer: Any, points: list[list[Any]]) -> None:
    """Add designs with the values that are predicted for them."""
    predicted = optimizer.models[-1].predict(optimizer.space.transform(points))
    optimizer.tell(points, [float(value) for value in predicted])


def _make_points(space: Space, codes: Array) -> list[list[Any]]:
    """Return points in the optimizer's coordinates."""
    if space.is_structured or any(feature.ordered for feature in space.categories):
        # coordinates of designs with other free numbers do not compare, so the library gets what models get
        return np.clip(space.inputs(codes), 0, 1).tolist()
    unit = _find_coordinates(space, codes).tolist()
    frame = space.frame(codes)[[feature.name for feature in space.categories]]
    return [[*numbers, *words] for numbers, words in zip(unit, frame.to_numpy(object).tolist(), strict=True)]


def _find_coordinates(space: Space, codes: Array) -> Array:
    """Return the coordinates of designs in units of the search range, numbers outside of it beyond 0 and 1."""
    unit = space.compute_coordinates(codes)
    columns = [space.names.index(feature.name) for feature in space.numbers]
    raw = (codes[:, columns] - space.lower[columns]) / space.width[columns]
    # not where only rounding leaves the range
    unit[:, : len(columns)] = np.where(np.abs(raw - 0.5) > 0.5 + SLACK, raw, unit[:, : len(columns)])
    return unit
