"""Cross-validation, and the tests that decide what may be said of a model."""

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut
from sklearn.pipeline import Pipeline

from batterymi.config.parts import Feature
from batterymi.surrogates.intervals import q_squared
from batterymi.surrogates.models import fit_model, predict_with_spread
from batterymi.surrogates.verdict import ALPHA

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]
FEWEST = 19  # shuffles before a test may end early
SMALL_TABLE = 30  # rows up to which every shuffle refits the model


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of rows by models that did not see them.

    Attributes:
        mean: shape (n,).
        spread: shape (n,).
        models: the fitted model of each split.
    """

    mean: Array
    spread: Array
    models: tuple[Pipeline, ...]


def make_splits(folds: str | int, groups: Sequence[object], seed: int) -> list[Split]:
    """Split rows so that each is tested once and no group stands on both sides.

    Args:
        folds: "leave_one_out" (one group per fold) or a number of folds.
        groups: one label per row; each row's own label where rows are independent.
        seed: of the shuffle of independent rows.

    Returns:
        (train, test) index arrays.

    Raises:
        ValueError: if a group stands on both sides of a split.
    """
    labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    n_groups = int(labels.max()) + 1
    rows = np.zeros((len(labels), 1))
    if folds == "leave_one_out":
        splits = list(LeaveOneGroupOut().split(rows, groups=labels))
    elif n_groups == len(labels):
        shuffled = KFold(min(int(folds), n_groups), shuffle=True, random_state=seed)
        splits = list(shuffled.split(rows))
    else:
        splits = list(GroupKFold(min(int(folds), n_groups)).split(rows, groups=labels))
    for train, test in splits:
        both = set(labels[train]) & set(labels[test])
        if both:
            raise ValueError(f"{len(both)} groups stand in train and test")
    return splits


def out_of_fold(
    name: str,
    features: Sequence[Feature],
    frame: pd.DataFrame,
    observed: Array,
    splits: Sequence[Split],
    seed: int,
) -> OutOfFold:
    """Predict every row by a model fitted without it."""
    mean, spread, models = np.empty(len(observed)), np.empty(len(observed)), []
    for train, test in splits:
        model = fit_model(name, features, frame.iloc[train], observed[train], seed)
        mean[test], spread[test] = predict_with_spread(model, frame.iloc[test])
        models.append(model)
    return OutOfFold(mean, spread, tuple(models))


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


def permutation_test(
    name: str,
    features: Sequence[Feature],
    frame: pd.DataFrame,
    observed: Array,
    splits: Sequence[Split],
    out: OutOfFold,
    n_shuffles: int,
    n_tried: int,
    seed: int,
) -> PermutationTest:
    """Test that the features tell something of the objective.

    Up to `SMALL_TABLE` rows the objective is shuffled and the whole cross-validation done again; over every order
    there is if there are few, else over `n_shuffles` of them. It ends early once so many shuffles did as well that
    all of them together could no longer give p < 0.05, which leaves the decision as it would be. On longer tables
    only the pairing of predictions and observations is shuffled. The p-value is multiplied by the number of models
    tried (Bonferroni), since the best of several was picked.

    Args:
        name: the selected model.
        features: its features.
        frame: feature values.
        observed: objective, shape (n,).
        splits: the cross-validation.
        out: its predictions.
        n_shuffles: shuffles to draw.
        n_tried: models that were compared.
        seed: of the shuffles.

    Returns:
        The corrected p-value, at most 1, and how it was found.
    """
    score = float(q_squared(observed, out.mean))
    rng = np.random.default_rng(seed)
    if len(observed) > SMALL_TABLE:
        orders = rng.permuted(np.tile(np.arange(len(observed)), (n_shuffles, 1)), axis=1)
        as_good = int((q_squared(observed[orders], out.mean) >= score).sum())
        return PermutationTest(_p_value(as_good, n_shuffles, n_tried), n_shuffles, "pairing")
    as_good = drawn = 0
    for order in _orders(len(observed), n_shuffles, rng):
        shuffled = observed[order]
        again = out_of_fold(name, features, frame, shuffled, splits, seed)
        drawn += 1
        as_good += bool(q_squared(shuffled, again.mean) >= score - 1e-12)
        settled = _p_value(as_good, n_shuffles, n_tried) >= ALPHA
        if settled and drawn >= FEWEST:
            break
    return PermutationTest(_p_value(as_good, drawn, n_tried), drawn, "refit")


def _orders(n: int, n_shuffles: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Every order of n rows but the given one, if there are few; else random ones."""
    if math.factorial(n) <= n_shuffles + 1:
        every = [np.array(order) for order in itertools.permutations(range(n))][1:]
        return [every[i] for i in rng.permutation(len(every))]
    return [rng.permutation(n) for _ in range(n_shuffles)]


def _p_value(as_good: int, drawn: int, n_tried: int) -> float:
    """Share of orders, the observed one included, that score as well; times the number of models."""
    return min(1.0, n_tried * (as_good + 1) / (drawn + 1))


def permutation_importances(
    out: OutOfFold,
    frame: pd.DataFrame,
    observed: Array,
    splits: Sequence[Split],
    n_repeats: int,
    seed: int,
) -> pd.DataFrame:
    """How much the error of held-out rows grows when one feature's column is shuffled.

    Every row is predicted by the model that did not see it, so a feature that only helps to memorise gets no credit.

    Args:
        out: the cross-validation's predictions and models.
        frame: feature values.
        observed: objective, shape (n,).
        splits: the cross-validation.
        n_repeats: shuffles per feature.
        seed: of the shuffles.

    Returns:
        Columns feature, repeat, rmse_increase (in the objective's unit).
    """
    rng = np.random.default_rng(seed)
    base = np.sqrt(np.mean((observed - out.mean) ** 2))
    rows = []
    for feature in frame.columns:
        orders = [rng.permutation(len(frame)) for _ in range(n_repeats)]
        shuffled = pd.concat([frame.assign(**{feature: frame[feature].to_numpy()[order]}) for order in orders])
        predicted = np.empty((n_repeats, len(frame)))
        for (_, test), model in zip(splits, out.models, strict=True):
            pick = (np.arange(n_repeats)[:, None] * len(frame) + test).ravel()
            predicted[:, test] = model.predict(shuffled.iloc[pick]).reshape(n_repeats, -1)
        error = np.sqrt(np.mean((observed - predicted) ** 2, axis=1))
        rows += [
            {"feature": feature, "repeat": repeat, "rmse_increase": value} for repeat, value in enumerate(error - base)
        ]
    return pd.DataFrame(rows)
