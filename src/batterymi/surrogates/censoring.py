"""What the treatment of bounds changes: rows of which only an upper or a lower bound is known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from batterymi.statistics.scores import compute_paired_difference
from batterymi.surrogates.validation import LEAST_VALUES, CrossValidation
from batterymi.vocabulary.measured import LOWER

TREATMENTS = ("bound", "expected", "drop")


def compare_treatments(name: str, validation: CrossValidation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Compare models that learn from bounds as they are, from the values expected beyond them, or not at all.

    An upper bound is predicted rightly by anything at or below it, so there the error is how far a prediction lies
    above; for a lower bound it is how far it lies below. A treatment that leaves some fold fewer than `LEAST_VALUES`
    values is left out.

    Args:
        name: the model.
        validation: the cross-validation.
        settings: hyperparameters, held fixed.

    Returns:
        `n_censored`, `n_lower` of them where there are lower ones, and by treatment: mean absolute error with the
        bounds taken as values, of the other rows alone (None if there are none), of the bounds one-sided, and of all
        rows scored in that way; and the paired change of the last against "bound".
    """
    problem = validation.problem
    sides = problem.censored[: problem.n_scored].astype(float)
    bounds, observed = sides != 0, problem.scored
    n_lower = int((sides == LOWER).sum())
    found: dict[str, Any] = {"n_censored": int(bounds.sum()), "treatments": {}}
    found |= {"n_lower": n_lower} if n_lower else {}
    fewest = min(int((problem.censored[train] == 0).sum()) for train, _ in validation.splits)
    honest: dict[str, Any] = {}
    for treatment in TREATMENTS if fewest >= LEAST_VALUES else TREATMENTS[:1]:
        method = replace(validation.method, censoring=treatment)
        predicted = replace(validation, method=method).predict_held_out(name, settings)
        miss = np.abs(observed - predicted)
        one_sided = np.where(bounds, np.maximum(sides * (predicted - observed), 0), miss)
        honest[treatment] = one_sided
        found["treatments"][treatment] = {
            "mae": float(miss.mean()),
            "mae_of_values": float(miss[~bounds].mean()) if not bounds.all() else None,
            "mae_of_bounds_one_sided": float(one_sided[bounds].mean()),
            "mae_one_sided": float(one_sided.mean()),
        }
        # "bound" comes first in TREATMENTS, so the errors to compare with are there
        if treatment != "bound":
            found["treatments"][treatment]["change"] = compute_paired_difference(
                one_sided, honest["bound"], problem.scored_groups, validation.bootstraps, validation.seed
            )
    return found
