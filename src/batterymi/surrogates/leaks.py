"""Leakage checks: where a score is better than it should be, and why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.models import DEFAULT_PARTITIONS
from batterymi.config.slices.training import TrainingSettings
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.partitions import RepeatedValidation, repeat_validation
from batterymi.surrogates.problem import Problem, label_joint_groups
from batterymi.surrogates.validation import CrossValidation, OutOfFold
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)

SUSPICIOUS = 0.9  # R² above which a single feature is reported
N_BINS = 20
FOLDS = 5  # of other ways to split, where the study leaves one group out at a time


def compare_groupings(
    name: str, validation: RepeatedValidation, outs: Sequence[OutOfFold], rows: pd.DataFrame, settings: TrainingSettings
) -> list[dict[str, Any]]:
    """Score one model by random folds and by folds that keep each group column together.

    Hyperparameters are those that the study's own cross-validation chose most often, so that only the split differs;
    its own split is the one that it was scored by. Folds at random put rows of one paper, say, on both sides; where
    that scores better than keeping the papers together, by a paired interval that excludes zero, the rows of a paper
    help each other, and a score at random says little about the next paper. A split that keeps the study's groups
    together and others beside is marked as stricter: it asks for more than the study's own score.

    Args:
        name: the model.
        validation: the study's own cross-validations.
        outs: its predictions in each partition.
        rows: the table.
        settings: the columns of groups, and the folds.

    Returns:
        One entry per way to split: `split`, scores, `is_own`, `is_stricter`, and `warning` where random folds score
        better.
    """
    problem, table, first = validation.problem, settings.table, validation.first
    sets = [table.group_columns, *((group,) if isinstance(group, str) else group for group in table.compare_groups)]
    # rows without a result of the objective are no part of the problem
    train = rows[(rows[SPLIT] == TRAIN) & rows["line"].isin(problem.lines)]
    # an ablation may leave related tasks out, so the problem says which rows joined
    related = rows.set_index("line").loc[problem.lines[problem.n_scored :]].reset_index()
    joined = pd.concat([train, related], ignore_index=True)
    chosen = find_most_common([choice for out in outs for choice in out.chosen])
    found: list[dict[str, Any]] = []
    at_random: Any = None
    for columns in [(), *(columns for columns in sets if columns)]:
        groups = label_joint_groups(joined, columns)
        # a single group leaves nothing to hold out
        if len(set(map(str, groups[: problem.n_scored]))) < 2:
            continue
        is_own = bool(columns) and columns == table.group_columns
        regrouped = _regroup(validation, settings, groups)
        predicted = (
            np.stack([out.mean for out in outs])
            if is_own
            else np.stack([one.predict_held_out(name, chosen) for one in regrouped])
        )
        own, n_folds = regrouped[0].problem.scored_groups, len(regrouped[0].splits)
        scores = compute_scores(problem.scored, predicted, own, first.bootstraps, first.seed, n_folds)
        split = " + ".join(columns) or "random"
        is_stricter = bool(table.group_columns) and set(columns) > set(table.group_columns)
        entry = {"split": split, **scores, "is_own": is_own, "is_stricter": is_stricter, "warning": ""}
        squared = (problem.scored - predicted) ** 2
        if at_random is None:
            at_random = (squared, entry["r2"])
        else:
            pair = _pair_partitions(squared, at_random[0])
            gap = compute_paired_difference(*pair, own, first.bootstraps, first.seed, n_folds)
            entry |= label_interval("mse_above_random", gap["difference"], (gap["lower"], gap["upper"]))
            # a score that is better by chance is not worth a warning: the interval must exclude zero
            if gap["lower"] > 0:
                entry["warning"] = (
                    f"a random split is optimistic: R² {at_random[1]:.2f} at random, {entry['r2']:.2f} by {split}"
                )
        found.append(entry)
    for entry in found:
        if entry["warning"]:
            logger.warning("%s: %s", problem.objective.name, entry["warning"])
    return found


def _regroup(
    validation: RepeatedValidation, settings: TrainingSettings, groups: Sequence[object]
) -> tuple[CrossValidation, ...]:
    """Return the same cross-validations by other groups."""
    folds = settings.surrogate.folds
    compared = settings.surrogate.model_copy(update={"folds": FOLDS if folds == "leave_one_out" else folds})
    problem, first = replace(validation.problem, groups=groups), validation.first
    # of groups that are left out one at a time there is one partition, of random folds there are several
    n = settings.surrogate.partitions or DEFAULT_PARTITIONS
    return repeat_validation(problem, compared, first.bootstraps, first.seed, n).validations


def _pair_partitions(first: Array, second: Array) -> tuple[Array, Array]:
    """Return errors by as many partitions; the mean over all takes the place of several where the other has one."""
    if len(first) == len(second):
        return first, second
    return np.atleast_2d(first.mean(axis=0)), np.atleast_2d(second.mean(axis=0))


def find_single_features(problem: Problem, most: int = 5) -> list[dict[str, Any]]:
    """Find features that explain the objective alone, with an R² above 0.9, best first.

    A straight line is scored by leave-one-out; on 100 rows or more, also the mean of each of 20 bins. Such a feature
    may be the objective under another name.

    Args:
        problem: what is learned.
        most: how many to list.

    Returns:
        Entries `feature`, `r2`, `by`.
    """
    observed = problem.scored
    frame = problem.frame.iloc[: problem.n_scored].select_dtypes("number")
    found: list[dict[str, Any]] = []
    for column in frame:
        values = frame[column].to_numpy(float)
        best = (_compute_line_r2(values, observed), "a straight line, leave-one-out")
        # on shorter tables 20 bins would hold fewer than five rows each
        if len(observed) >= 100:
            best = max(best, (_compute_binned_r2(values, observed), f"means of {N_BINS} bins"))
        if best[0] > SUSPICIOUS:
            found.append({"feature": str(column), "r2": float(best[0]), "by": best[1]})
    return sorted(found, key=lambda entry: (-float(entry["r2"]), str(entry["feature"])))[:most]


def find_most_common(chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the hyperparameters that were chosen most often, the first of them at a tie."""
    listed = [dict(settings) for settings in chosen]
    return max(listed, key=listed.count) if listed else {}


def _compute_line_r2(values: Any, observed: Any) -> float:
    """Compute the leave-one-out R² of a straight line from its residuals and leverages."""
    centred = values - values.mean()
    spread = float(centred @ centred)
    # a feature that is constant up to rounding has no slope
    if spread <= 1e-12 * max(1.0, float(values @ values)):
        return 0.0
    slope = float(centred @ observed) / spread
    residual = observed - observed.mean() - slope * centred
    leverage = 1 / len(values) + centred**2 / spread
    # residual / (1 - leverage) is the leave-one-out error without a refit; a leverage of 1 would fail
    held_out = residual / np.maximum(1 - leverage, 1e-9)
    return 1 - float(held_out @ held_out) / float(((observed - observed.mean()) ** 2).sum())


def _compute_binned_r2(values: Any, observed: Any) -> float:
    """Compute the R² of the mean of each bin, corrected for the number of bins."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, values)
    within = observed - pd.Series(observed).groupby(codes).transform("mean").to_numpy()
    n, k = len(observed), len(np.unique(codes))
    total = float(((observed - observed.mean()) ** 2).sum()) / (n - 1)
    return 1 - float(within @ within) / max(n - k, 1) / total
