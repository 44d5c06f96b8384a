"""The official test split: predicted once, after models and hyperparameters are settled on the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Sides
from batterymi.statistics.intervals import LEVELS, compute_conformal_factor
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.validation import CrossValidation, fit_on_rows, tune_hyperparameters


@dataclass(frozen=True)
class OfficialTest:
    """An official test split.

    Attributes:
        frame: inputs, shape (n, n_columns).
        observed: shape (n,).
        censored: `UPPER` where only an upper bound is known, `LOWER` where only a lower one, else 0, shape (n,).
        groups: one label per row.
    """

    frame: pd.DataFrame
    observed: Array
    censored: Sides
    groups: Sequence[object]


def score_official_test(
    best: str, baselines: Sequence[str], validation: CrossValidation, test: OfficialTest
) -> dict[str, Any]:
    """Score the selected model, with the baselines beside it, on rows that nothing was chosen by.

    Args:
        best: the selected model.
        baselines: models to show beside it.
        validation: the cross-validation; all of its rows are learned from.
        test: the rows.

    Returns:
        `selected`, `scores` by model, `coverage` of its intervals by level, its error without the censored rows, and
        the paired gain over each baseline in absolute error.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    rows = np.arange(len(problem.observed))
    found: dict[str, Any] = {"selected": best, "scores": {}, "gain_over": {}}
    misses: dict[str, Array] = {}
    for name in dict.fromkeys([best, *baselines]):
        tuned = tune_hyperparameters(name, problem, rows, method, seed)
        model = fit_on_rows(name, problem, rows, method, seed, tuned.settings)
        predicted, spread = model.predict(test.frame)
        misses[name] = np.abs(test.observed - predicted)
        found["scores"][name] = compute_scores(test.observed, predicted, test.groups, validation.bootstraps, seed)
        if name == best:
            found["settings"] = tuned.settings
            # factors come from the training rows alone, so this coverage is out of sample
            found["coverage"] = {
                f"{level:g}": float(np.mean(misses[name] <= compute_conformal_factor(tuned.scores, level) * spread))
                for level in LEVELS
            }
            found["mae_without_censored"] = float(misses[name][test.censored == 0].mean())
            found["n_censored"] = int((test.censored != 0).sum())
            found["predictions"] = predicted.tolist()
    for name, miss in misses.items():
        if name != best:
            found["gain_over"][name] = compute_paired_difference(
                miss, misses[best], test.groups, validation.bootstraps, seed
            )
    return found
