"""Permutation tests: how well chance does, and how much each feature contributes."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from batterymi.arrays import Indices
from batterymi.statistics.intervals import compute_q_squared
from batterymi.surrogates.validation import CrossValidation, OutOfFold, predict_out_of_fold
from batterymi.vocabulary.verdicts import ALPHA

FEWEST = 19  # shuffles before a test may end early
SMALL_TABLE = 30  # rows up to which every shuffle refits the model


@dataclass(frozen=True)
class PermutationTest:
    """How often chance does as well as a model.

    Attributes:
        p_value: share of shuffles that score at least as well, corrected for the number of models tried.
        n_shuffles: how many were drawn.
        method: "refit" or "pairing".
    """

    p_value: float
    n_shuffles: int
    method: str


def run_permutation_test(
    name: str, validation: CrossValidation, out: OutOfFold, n_shuffles: int, n_tried: int
) -> PermutationTest:
    """Test whether the features carry information about the objective.

    Up to `SMALL_TABLE` rows the objective is shuffled and the whole cross-validation done again; over every order
    there is if there are few, else over `n_shuffles` of them. It ends early once so many shuffles did as well that
    all of them together could no longer give p < 0.05, which leaves the decision as it would be. On longer tables
    only the pairing of predictions and observations is shuffled; whole groups are moved, since rows of one group agree
    with each other whatever the features say. The p-value is multiplied by the number of models tried (Bonferroni),
    since the best of several was picked.

    Args:
        name: the selected model.
        validation: the cross-validation.
        out: its predictions.
        n_shuffles: shuffles to draw.
        n_tried: models that were compared.

    Returns:
        The corrected p-value, at most 1, and how it was found.
    """
    problem, observed = validation.problem, validation.problem.scored
    score = float(compute_q_squared(observed, out.mean))
    rng = np.random.default_rng(validation.seed)
    if len(observed) > SMALL_TABLE:
        orders = np.stack([_order_by_group(problem.scored_groups, rng) for _ in range(n_shuffles)])
        # rows are laid out group by group, so that a shift of whole groups keeps what a group shares
        base = _order_by_group(problem.scored_groups, None)
        as_good = int((compute_q_squared(observed[orders], out.mean[base]) >= score).sum())
        return PermutationTest(_compute_p_value(as_good, n_shuffles, n_tried), n_shuffles, "pairing")
    as_good = drawn = 0
    for order in _draw_orders(len(observed), n_shuffles, rng):
        again = predict_out_of_fold(name, replace(validation, problem=problem.shuffle_observed(order)))
        drawn += 1
        as_good += bool(compute_q_squared(observed[order], again.mean) >= score - 1e-12)
        settled = _compute_p_value(as_good, n_shuffles, n_tried) >= ALPHA
        if settled and drawn >= FEWEST:
            break
    return PermutationTest(_compute_p_value(as_good, drawn, n_tried), drawn, "refit")


def _order_by_group(groups: Sequence[object], rng: np.random.Generator | None) -> Indices:
    """Order rows group by group, the groups at random, or by appearance without a generator."""
    labels = pd.factorize(np.asarray(groups, dtype=str))[0]
    places = np.arange(labels.max() + 1)
    return np.argsort((places if rng is None else rng.permutation(places))[labels], kind="stable")


def _draw_orders(n: int, n_shuffles: int, rng: np.random.Generator) -> list[Indices]:
    """Return every order of n rows but the given one if there are few, else random ones."""
    if math.factorial(n) <= n_shuffles + 1:
        # the first permutation is the given order, which the p-value counts already
        orders = [np.array(order) for order in itertools.permutations(range(n))][1:]
        # at random, so that a test that ends early has not drawn neighbouring orders only
        return [orders[i] for i in rng.permutation(len(orders))]
    return [rng.permutation(n) for _ in range(n_shuffles)]


def _compute_p_value(as_good: int, drawn: int, n_tried: int) -> float:
    """Compute the share of orders, the observed included, that score as well, times the number of models."""
    # the observed order is one of the permutations, so p is never zero
    return min(1.0, n_tried * (as_good + 1) / (drawn + 1))


def compute_permutation_importances(validation: CrossValidation, out: OutOfFold, n_repeats: int) -> pd.DataFrame:
    """Measure how much the error of held-out rows grows when one feature is shuffled.

    Each row is predicted by the model that was fitted without it, so features that only help to memorise do not count.
    The columns of a descriptor are shuffled together, since they carry the same information.

    Args:
        validation: the cross-validation.
        out: its predictions and models.
        n_repeats: shuffles per feature.

    Returns:
        Columns feature (or descriptor), repeat, rmse_increase (in the objective's unit).
    """
    problem, rng = validation.problem, np.random.default_rng(validation.seed)
    frame, observed = problem.frame.iloc[: problem.n_scored], problem.scored
    base = np.sqrt(np.mean((observed - out.mean) ** 2))
    rows = []
    for feature, columns in problem.inputs.parts(frame).items():
        orders = [rng.permutation(len(frame)) for _ in range(n_repeats)]
        values = frame[columns]
        predicted = np.empty((n_repeats, len(frame)))
        for (_, test), model in zip(validation.splits, out.models, strict=True):
            # all repeats in one call: predicting few rows costs mostly overhead
            shuffled = pd.concat([frame.iloc[test]] * n_repeats, ignore_index=True)
            drawn = values.iloc[np.concatenate([order[test] for order in orders])]
            # a single column may be a category; the columns of a descriptor are numbers
            shuffled[columns] = drawn.to_numpy(dtype=object) if len(columns) == 1 else drawn.to_numpy(float)
            # an assigned object array would leave numbers as objects
            shuffled = shuffled.astype(frame.dtypes.to_dict())
            predicted[:, test] = model.predict_mean(shuffled).reshape(n_repeats, -1)
        error = np.sqrt(np.mean((observed - predicted) ** 2, axis=1))
        rows += [
            {"feature": feature, "repeat": repeat, "rmse_increase": value} for repeat, value in enumerate(error - base)
        ]
    return pd.DataFrame(rows)
