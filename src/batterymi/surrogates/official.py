"""Tests on rows that nothing was chosen by: an official test split, and another data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Sides
from batterymi.config.parts import Objective
from batterymi.statistics.intervals import LEVELS, compute_conformal_factor
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.exceedance import Predicted, compute_exceedance, score_use
from batterymi.surrogates.store import StoredModel
from batterymi.surrogates.validation import CrossValidation, fit_on_rows, tune_hyperparameters


@dataclass(frozen=True)
class HeldOutRows:
    """Rows to test on.

    Attributes:
        rows: with the columns that a stored model needs, shape (n, n_columns).
        frame: inputs of the models, shape (n, n_inputs).
        observed: shape (n,).
        censored: `UPPER` where only an upper bound is known, `LOWER` where only a lower one, else 0, shape (n,).
        groups: one label per row.
        families: one label per row; None without families.
    """

    rows: pd.DataFrame
    frame: pd.DataFrame
    observed: Array
    censored: Sides
    groups: Sequence[object]
    families: Sequence[object] | None = None


def score_official_test(
    stored: StoredModel, baselines: Sequence[str], validation: CrossValidation, test: HeldOutRows
) -> dict[str, Any]:
    """Score the selected model, with the baselines beside it, on an official test split.

    Args:
        stored: the selected model, refitted on the rows of the cross-validation.
        baselines: models to show beside it.
        validation: the cross-validation; all of its rows are learned from.
        test: the rows.

    Returns:
        What `score_stored_model` gives, and by model its `scores` and the paired gain over each baseline in absolute
        error.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    rows = np.arange(len(problem.observed))
    best, choosing = stored.fitted.name, replace(method, inner_use="settings")
    found = score_stored_model(stored, test, problem.objective, validation.bootstraps, seed)
    found |= {"selected": best, "scores": {best: found["scores"]}, "gain_over": {}}
    miss = np.abs(test.observed - found["predictions"])
    for name in (name for name in dict.fromkeys(baselines) if name != best):
        settings = tune_hyperparameters(name, problem, rows, choosing, seed).settings if method.inner_folds else {}
        model = fit_on_rows(name, problem, rows, method, seed, settings)
        predicted = model.predict_mean(test.frame)
        found["scores"][name] = compute_scores(test.observed, predicted, test.groups, validation.bootstraps, seed)
        found["gain_over"][name] = compute_paired_difference(
            np.abs(test.observed - predicted), miss, test.groups, validation.bootstraps, seed
        )
    return found


def score_stored_model(
    stored: StoredModel, test: HeldOutRows, objective: Objective, bootstraps: int, seed: int
) -> dict[str, Any]:
    """Score a stored model as it would be used, with its widened intervals, on rows that it did not learn from.

    Args:
        stored: the model.
        test: the rows.
        objective: what it predicts, with its threshold.
        bootstraps: resamples behind the intervals.
        seed: of the resamples.

    Returns:
        `scores`, `use`, `coverage` of its intervals by level, its error without censored rows, and its predictions.
    """
    predicted, spread = stored.predict_spread(test.rows)
    miss = np.abs(test.observed - predicted)
    chance = (
        compute_exceedance(predicted, spread, stored.errors, objective.threshold, objective.sign)
        if objective.threshold is not None
        else None
    )
    use = Predicted(test.observed, test.censored, test.groups, test.families, predicted, chance)
    # factors come from rows that it learned from, so this coverage is out of sample
    factors = {level: compute_conformal_factor(np.abs(stored.errors), level) for level in LEVELS}
    return {
        "scores": compute_scores(test.observed, predicted, test.groups, bootstraps, seed),
        "use": score_use(use, objective, bootstraps, seed),
        "coverage": {f"{level:g}": float(np.mean(miss <= factor * spread)) for level, factor in factors.items()},
        "mae_without_censored": float(miss[test.censored == 0].mean()),
        "n_censored": int((test.censored != 0).sum()),
        "predictions": predicted.tolist(),
    }
