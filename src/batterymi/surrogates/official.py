"""The official test split: predicted once, after models and hyperparameters are settled on the training rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.statistics.intervals import LEVELS, conformal_factor
from batterymi.statistics.scores import paired_difference, scores
from batterymi.surrogates.models import predict_with_spread
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import Method, learn, tune

Array = NDArray[np.float64]


def test_once(
    best: str,
    models: Sequence[str],
    problem: Problem,
    frame: pd.DataFrame,
    observed: Array,
    censored: NDArray[np.bool_],
    groups: Sequence[object],
    method: Method,
    bootstraps: int,
    seed: int,
) -> dict[str, Any]:
    """Score the selected model, with the baselines beside it, on rows that nothing was chosen by.

    Args:
        best: the selected model.
        models: baselines to show beside it.
        problem: the training rows; all of them are learned from.
        frame: inputs of the test rows, shape (n, n_columns).
        observed: shape (n,).
        censored: whether only an upper bound of a test row is known, shape (n,).
        groups: one label per test row.
        method: how models are fitted.
        bootstraps: resamples behind the intervals.
        seed: of models and resamples.

    Returns:
        `selected`, `scores` by model, `coverage` of its intervals by level, its error without the censored rows, and
        the paired gain over each baseline in absolute error.
    """
    rows = np.arange(len(problem.observed))
    found: dict[str, Any] = {"selected": best, "scores": {}, "gain_over": {}}
    misses: dict[str, Array] = {}
    for name in dict.fromkeys([best, *models]):
        tuned = tune(name, problem, rows, method, seed)
        model = learn(name, problem, rows, method, seed, tuned.settings)
        predicted, spread = predict_with_spread(model, frame, forests_vary=True)
        misses[name] = np.abs(observed - predicted)
        found["scores"][name] = scores(observed, predicted, groups, bootstraps, seed)
        if name == best:
            found["settings"] = tuned.settings
            found["coverage"] = {
                f"{level:g}": float(np.mean(misses[name] <= conformal_factor(tuned.scores, level) * spread))
                for level in LEVELS
            }
            found["mae_without_censored"] = float(misses[name][~censored].mean())
            found["n_censored"] = int(censored.sum())
            found["predictions"] = predicted.tolist()
    for name, miss in misses.items():
        if name != best:
            found["gain_over"][name] = paired_difference(miss, misses[best], groups, bootstraps, seed)
    return found
