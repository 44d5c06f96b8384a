"""Checks beyond a score of whether a model can be trusted."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.slices.training import TrainingSettings
from batterymi.config.sources import Table
from batterymi.statistics.intervals import LEVELS
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean, compute_scores
from batterymi.surrogates.applicability import compute_error_by_distance, compute_held_out_distances
from batterymi.surrogates.censoring import compare_treatments
from batterymi.surrogates.curve import compute_learning_curve
from batterymi.surrogates.leaks import compare_groupings, find_most_common, find_single_features
from batterymi.surrogates.noise import estimate_noise_floor
from batterymi.surrogates.official import OfficialTest, score_official_test
from batterymi.surrogates.problem import find_censored, label_joint_groups
from batterymi.surrogates.validation import CrossValidation, OutOfFold
from batterymi.vocabulary.measured import find_compound_column
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

REFERENCES = ("dummy", "ridge", "nearest_neighbour")  # baselines that models are compared with
logger = logging.getLogger(__name__)


def validate_model(
    best: str,
    validation: CrossValidation,
    outs: Mapping[str, OutOfFold],
    rows: pd.DataFrame,
    computed: Mapping[str, pd.DataFrame],
    settings: TrainingSettings,
) -> dict[str, Any]:
    """Run every check of one selected model that the settings of its study enable.

    Args:
        best: the selected model.
        validation: the study's cross-validation.
        outs: held-out predictions of every model.
        rows: the table.
        computed: descriptors of its rows.
        settings: settings of the table and of the comparison.

    Returns:
        `selected`, `single_features`, `calibration`, `applicability`, and where the settings enable them `procedure`,
        `groupings`, `noise`, `censoring`, `learning_curve` and `test`; None for the others.
    """
    out, problem, objective = outs[best], validation.problem, validation.problem.objective.name
    table, comparison, chosen = settings.table, settings.surrogate, find_most_common(out.chosen)
    train = rows[(rows[SPLIT] == TRAIN) & rows[objective].notna()]
    distance = compute_held_out_distances(validation, out)
    found: dict[str, Any] = {
        "selected": best,
        "settings": chosen,
        "single_features": find_single_features(problem),
        "calibration": compute_calibration(validation, out),
        "applicability": compute_error_by_distance(validation, out, distance),
        "procedure": _score_procedure(validation, outs) if comparison.inner_folds else None,
        "noise": estimate_noise_floor(
            train, objective, find_compound_column(train.columns, table.repeats), table.censored, validation.seed
        )
        if table.repeats
        else None,
        "groupings": compare_groupings(best, validation, out, rows, table, comparison.folds)
        if table.group_columns or table.compare_groups
        else None,
    }
    logger.info("%s: compared ways to split", objective)
    # without a bound all treatments are the same
    bounded = bool(problem.censored.any())
    found["censoring"] = compare_treatments(best, validation, chosen) if bounded else None
    found["learning_curve"] = compute_learning_curve(best, validation, chosen) if comparison.learning_curve else None
    logger.info("%s: learning curve and bounds done", objective)
    is_test = bool((rows[SPLIT] == TEST).any())
    found["test"] = _score_test(best, validation, list(outs), rows, computed, table) if is_test else None
    return found


def _score_test(
    best: str,
    validation: CrossValidation,
    models: Sequence[str],
    rows: pd.DataFrame,
    computed: Mapping[str, pd.DataFrame],
    table: Table,
) -> dict[str, Any]:
    """Score the selected model and the baselines on the official test split, and count what it shares with the rest."""
    problem, test, train = validation.problem, rows[rows[SPLIT] == TEST], rows[rows[SPLIT] == TRAIN]
    split = OfficialTest(
        problem.inputs.frame(rows, computed).loc[test.index],
        test[problem.objective.name].to_numpy(float),
        find_censored(test, problem.objective.name, table.censored),
        label_joint_groups(test, table.group_columns),
    )
    baselines = [name for name in REFERENCES if name in models]
    found = score_official_test(best, baselines, validation, split)
    found["lines"] = [int(line) for line in test["line"]]
    if table.repeats:
        repeats = find_compound_column(rows.columns, table.repeats)
        found["repeats_in_training"] = int(test[repeats].isin(set(train[repeats])).sum())
    found["shared_groups"] = len(set(map(str, split.groups)) & set(map(str, problem.groups)))
    return found


def compute_calibration(validation: CrossValidation, out: OutOfFold) -> list[dict[str, float]]:
    """Measure how often held-out rows lie within their intervals, and how wide those are.

    Args:
        validation: the cross-validation.
        out: its predictions.

    Returns:
        Per level: `level`, `coverage` with its 95 % interval over groups, `half_width` (median) and `half_width_rms`.
    """
    problem = validation.problem
    miss = np.abs(problem.scored - out.mean)
    found = []
    for level in LEVELS:
        width: Array = out.half_widths(problem.scored, level)
        # as numbers, so that the share can be resampled like any mean
        inside = (miss <= width).astype(float)
        interval = validation.compute_interval(inside, compute_mean)
        found.append(
            {
                "level": level,
                **label_interval("coverage", float(inside.mean()), interval),
                "half_width": float(np.median(width)),
                "half_width_rms": float(np.sqrt(np.mean(width**2))),
            }
        )
    return found


def _score_procedure(validation: CrossValidation, outs: Mapping[str, OutOfFold]) -> dict[str, Any]:
    """Score the whole procedure: in each fold, the model that the inner cross-validation of that fold prefers.

    The selected model is the best of several by the scores that are reported, which are optimistic for it; this one is
    not.
    """
    problem = validation.problem
    predicted, picked = np.empty(problem.n_scored), []
    for number, (_, test) in enumerate(validation.splits):
        name = min(outs, key=lambda model: outs[model].inner_errors[number])
        predicted[test] = outs[name].mean[test]
        picked.append(name)
    found = compute_scores(problem.scored, predicted, problem.scored_groups, validation.bootstraps, validation.seed)
    return found | {"models": picked}
