"""Bayesian optimisation by scikit-optimize."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.goals import Window
from batterymi.config.parts import Objective
from batterymi.optimise.engines.base import N_ANCHORS, fill_space, list_taken, make_suggestions
from batterymi.optimise.engines.models import has_all_outcomes
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition, prefer_other_parts
from batterymi.optimise.engines.targets import HIT, compute_log_improvement
from batterymi.optimise.engines.warp import Warp
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.score import penalise_scores
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.expected import name_deviation_column, name_mean_column

SLACK = 1e-9  # of the search range
LEAST = 1e-6  # deviation of a prediction, in those of the rows


def propose_designs(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose designs with the largest expected improvement of the score, by scikit-optimize's Gaussian process.

    The library fits and predicts; the search for the largest improvement is ours, since its own knows neither steps nor
    constraints. Of a batch, each design counts with its predicted value before the next is chosen. Of an objective with
    a target that is alone the outcome itself is fitted, else the score. See `Engine`.
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
    is_alone = len(search.modelled) == 1 and not search.limits
    learned, window = history[is_told], search.optimised[0].window if is_alone else None
    known, scores = space.codes(learned), penalise_scores(learned)
    values = scores if window is None else _fill_failed(learned, search.optimised[0])
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
    anchors = known[np.argsort(scores, kind="stable")[:N_ANCHORS]]
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
                if window is not None:
                    transformed = optimizer.space.transform(_make_points(space, codes))
                    return _log_improvement([measured, optimizer.models[-1]], transformed, window, values)
                with np.errstate(divide="ignore"):
                    return np.log(acquisition(codes))

            # exchanges of parts are compared by ratios of improvements
            is_log = space.mixture is not None or window is not None
            wanted = prefer_other_parts(space, acquire_log, chosen) if is_log else acquisition
            design = optimize_acquisition(space, wanted, rng, anchors, taken)
            if design is None:
                break
            chosen.append(design)
            what = "the score" if window is None else f"the distance to {window.text}"
            reasons.append(f"by expected improvement of {what}")
            taken = np.vstack([taken, design])
            # tell() refits the model, which nobody needs after the last design
            if number + 1 < n:
                _tell_predicted(optimizer, _make_points(space, design))
    # a score that adds up several outcomes, or penalties, says nothing of one
    only = search.optimised[0]
    fitted = learned["score" if window is None else only.name].to_numpy(float)
    is_outcome = len(search.modelled) == 1 and np.array_equal(values, fitted)

    def expect(codes: Array) -> pd.DataFrame:
        mean, deviation = measured.predict(optimizer.space.transform(_make_points(space, codes)), return_std=True)
        unit = only.scale / only.weight if window is None else 1.0
        sign = only.sign if window is None else 1
        return pd.DataFrame(
            {name_mean_column(only.name): sign * unit * mean, name_deviation_column(only.name): unit * deviation}
        )

    return make_suggestions(space, chosen, reasons, expect if is_outcome else None)


def _fill_failed(rows: pd.DataFrame, only: Objective) -> Array:
    """Return the outcomes of rows; those that failed have the one that is farthest from the target."""
    values = rows[only.name].to_numpy(float)
    is_known = np.isfinite(values)
    if not is_known.any():
        return np.zeros(len(values))
    return np.where(is_known, values, values[is_known][np.argmax(only.compute_cost(values[is_known]))])


def _log_improvement(models: Sequence[Any], points: Any, window: Window, values: Array) -> Array:
    """Return the logarithm of the expected improvement of the distance to a target, shape (n,).

    Args:
        models: of the outcome: by measured rows alone, and with the predicted values of other designs of the batch.
        points: of designs, as the models take them.
        window: the target.
        values: outcomes of the rows.
    """
    scale = Warp(0.0, float(values.std()) or 1.0)
    moments = [model.predict(points, return_std=True) for model in models]
    (_, before), (mean, now) = [(m / scale.spread, np.maximum(s / scale.spread, LEAST) ** 2) for m, s in moments]
    best = np.array([max(float(window.compute_distance(values).min()), HIT * scale.spread)])
    # copies of designs of the batch are as sure to hit the target, but tell nothing
    unlike = 0.5 * np.log(np.minimum(now / before, 1.0))
    return compute_log_improvement(mean[:, None], now, window, best, scale) + unlike


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
