"""What the treatment of bounds changes: rows of which only an upper bound is known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from batterymi.statistics.scores import compute_paired_difference
from batterymi.surrogates.validation import CrossValidation

TREATMENTS = ("bound", "expected", "drop")


def compare_treatments(name: str, validation: CrossValidation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Compare models that learn from bounds as they are, from expected values below them, or not at all.

    A bound is predicted rightly by anything at or below it, so there the error is how far a prediction lies above.

    Args:
        name: the model.
        validation: the cross-validation.
        settings: hyperparameters, held fixed.

    Returns:
        By treatment: mean absolute error with the bounds taken as values, of the other rows alone, of the bounds
        one-sided, and of all rows scored in that way; and the paired change of the last against "bound".
    """
    problem = validation.problem
    bounds = problem.censored[: problem.n_scored]
    observed = problem.scored
    found: dict[str, Any] = {"n_censored": int(bounds.sum()), "treatments": {}}
    honest: dict[str, Any] = {}
    for treatment in TREATMENTS:
        method = replace(validation.method, censoring=treatment)
        predicted = replace(validation, method=method).predict_held_out(name, settings)
        miss = np.abs(observed - predicted)
        # anything at or below an upper bound is right, so only the excess is an error
        one_sided = np.where(bounds, np.maximum(predicted - observed, 0), miss)
        honest[treatment] = one_sided
        found["treatments"][treatment] = {
            "mae": float(miss.mean()),
            "mae_of_values": float(miss[~bounds].mean()),
            "mae_of_bounds_one_sided": float(one_sided[bounds].mean()),
            "mae_one_sided": float(one_sided.mean()),
        }
        # "bound" comes first in TREATMENTS, so the errors to compare with are there
        if treatment != "bound":
            found["treatments"][treatment]["change"] = compute_paired_difference(
                one_sided, honest["bound"], problem.scored_groups, validation.bootstraps, validation.seed
            )
    return found
