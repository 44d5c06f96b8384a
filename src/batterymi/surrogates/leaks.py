"""Leakage checks: where a score is better than it should be, and why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.sources import Table
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.problem import Problem, label_joint_groups
from batterymi.surrogates.validation import CrossValidation, OutOfFold, make_splits
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)

SUSPICIOUS = 0.9  # R² above which a single feature is reported
N_BINS = 20


def compare_groupings(
    name: str, validation: CrossValidation, out: OutOfFold, rows: pd.DataFrame, table: Table, folds: str | int
) -> list[dict[str, Any]]:
    """Score one model by random folds and by folds that keep each group column together.

    Hyperparameters are those that the study's own cross-validation chose most often, so that only the split differs.
    Folds at random put rows of one paper, say, on both sides; where that scores better than keeping the papers
    together, by a paired interval that excludes zero, the rows of a paper help each other, and a score at random says
    little about the next paper.

    Args:
        name: the model.
        validation: the study's own cross-validation.
        out: its predictions, for the hyperparameters.
        rows: the table.
        table: its settings: the columns of groups.
        folds: as in the study.

    Returns:
        One entry per way to split: `split`, scores, and `warning` where random folds score better.
    """
    problem, bootstraps, seed = validation.problem, validation.bootstraps, validation.seed
    sets = [table.group_columns, *((group,) if isinstance(group, str) else group for group in table.compare_groups)]
    schemes: dict[str, Sequence[object]] = {"random": list(range(len(problem.observed)))}
    # rows without a result of the objective are no part of the problem
    train = rows[(rows[SPLIT] == TRAIN) & rows["line"].isin(problem.lines)]
    # an ablation may leave related tasks out, so the problem says which rows joined
    related = rows.set_index("line").loc[problem.lines[problem.n_scored :]].reset_index()
    joined = pd.concat([train, related], ignore_index=True)
    schemes |= {" + ".join(columns): label_joint_groups(joined, columns) for columns in sets if columns}
    settings = find_most_common(out.chosen)
    observed, found = problem.scored, []
    at_random: Any = None
    for split, groups in schemes.items():
        # a single group leaves nothing to hold out
        if len(set(map(str, groups[: problem.n_scored]))) < 2:
            continue
        regrouped = replace(problem, groups=groups)
        number = 5 if folds == "leave_one_out" else int(folds)
        splits = make_splits(number, groups, seed, problem.n_scored)
        predicted = replace(validation, problem=regrouped, splits=splits).predict_held_out(name, settings)
        own = regrouped.scored_groups
        entry = {"split": split, **compute_scores(observed, predicted, own, bootstraps, seed), "warning": ""}
        squared = (observed - predicted) ** 2
        if at_random is None:
            at_random = (squared, entry["r2"])
        else:
            gap = compute_paired_difference(squared, at_random[0], own, bootstraps, seed)
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
