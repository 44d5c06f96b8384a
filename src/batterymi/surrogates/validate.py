"""Checks beyond a score of whether a model can be trusted."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.external import OfficialSplit
from batterymi.config.slices.training import TrainingSettings
from batterymi.statistics.intervals import LEVELS
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import SHARE, compute_scores
from batterymi.surrogates.applicability import compute_error_by_distance
from batterymi.surrogates.censoring import compare_treatments
from batterymi.surrogates.comparison import REFERENCES, Comparison
from batterymi.surrogates.curve import compute_learning_curve
from batterymi.surrogates.exceedance import Predicted, exceed_held_out, score_use
from batterymi.surrogates.leaks import compare_groupings, find_most_common, find_single_features
from batterymi.surrogates.noise import estimate_noise_floor
from batterymi.surrogates.official import HeldOutRows, score_official_test
from batterymi.surrogates.problem import find_censored, label_joint_groups
from batterymi.surrogates.validation import CrossValidation, OutOfFold
from batterymi.vocabulary.measured import find_compound_column
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

logger = logging.getLogger(__name__)


def validate_model(
    comparison: Comparison, rows: pd.DataFrame, computed: Mapping[str, pd.DataFrame], settings: TrainingSettings
) -> dict[str, Any]:
    """Run every check of one selected model that the settings of its study enable.

    Args:
        comparison: of the models.
        rows: the table.
        computed: descriptors of its rows.
        settings: settings of the table and of the comparison.

    Returns:
        `selected`, `use`, `single_features`, `calibration`, `applicability`, and where the settings enable them
        `procedure`, `groupings`, `noise`, `censoring`, `learning_curve` and `test`; None for the others, and for
        `external`, which needs the final models.
    """
    best, validation, table = comparison.best, comparison.validation.first, settings.table
    problem, objective = validation.problem, validation.problem.objective.name
    outs = [out[best] for out in comparison.outs]
    chosen = find_most_common([choice for out in outs for choice in out.chosen])
    train = rows[(rows[SPLIT] == TRAIN) & rows[objective].notna()]
    found: dict[str, Any] = {
        "selected": best,
        "settings": chosen,
        "partitions": len(outs),
        "single_features": find_single_features(problem),
        "use": _score_use(comparison, rows, settings),
        "calibration": compute_calibration(validation, outs[0]),
        "applicability": compute_error_by_distance(validation, outs[0], comparison.distance),
        "procedure": _score_procedure(comparison) if settings.surrogate.inner_folds else None,
        "noise": estimate_noise_floor(
            train, objective, find_compound_column(train.columns, table.repeats), table.censored, validation.seed
        )
        if table.repeats
        else None,
        "groupings": compare_groupings(best, comparison.validation, outs, rows, settings)
        if table.group_columns or table.compare_groups
        else None,
    }
    logger.info("%s: compared ways to split", objective)
    # without a bound all treatments are the same
    bounded = bool(problem.censored.any())
    found["censoring"] = compare_treatments(best, validation, chosen) if bounded else None
    has_curve = settings.surrogate.learning_curve
    found["learning_curve"] = compute_learning_curve(best, validation, chosen) if has_curve else None
    logger.info("%s: learning curve and bounds done", objective)
    is_test = bool((rows[SPLIT] == TEST).any())
    found["test"] = _score_test(comparison, rows, computed, settings) if is_test else None
    found["external"] = None
    return found


def _score_use(comparison: Comparison, rows: pd.DataFrame, settings: TrainingSettings) -> dict[str, Any]:
    """Score held-out predictions of the selected model as they are used."""
    validation, problem = comparison.validation, comparison.validation.problem
    outs = [out[comparison.best] for out in comparison.outs]
    chances = [exceed_held_out(one, out) for one, out in zip(validation.validations, outs, strict=True)]
    own = rows.set_index("line").loc[problem.lines[: problem.n_scored]]
    family = settings.table.family
    predicted = Predicted(
        problem.scored,
        problem.censored[: problem.n_scored],
        problem.scored_groups,
        list(own[family]) if family else None,
        np.stack([out.mean for out in outs]),
        None if chances[0] is None else np.stack([chance for chance in chances if chance is not None]),
        validation.n_folds,
    )
    return score_use(predicted, problem.objective, validation.first.bootstraps, validation.first.seed)


def _score_test(
    comparison: Comparison, rows: pd.DataFrame, computed: Mapping[str, pd.DataFrame], settings: TrainingSettings
) -> dict[str, Any]:
    """Score the selected model and the baselines on the official test split, and count what it shares with the rest."""
    validation, table = comparison.validation.first, settings.table
    problem, test, train = validation.problem, rows[rows[SPLIT] == TEST], rows[rows[SPLIT] == TRAIN]
    split = HeldOutRows(
        test,
        problem.inputs.frame(rows, computed).loc[test.index],
        test[problem.objective.name].to_numpy(float),
        find_censored(test, problem.objective.name, table.censored),
        label_joint_groups(test, table.group_columns),
        list(test[table.family]) if table.family else None,
    )
    baselines = [name for name in REFERENCES if name in comparison.outs[0]]
    found = score_official_test(comparison.stored, baselines, validation, split)
    found |= (settings.official_test or OfficialSplit()).model_dump()
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
        found.append(
            {
                "level": level,
                **label_interval("coverage", float(inside.mean()), validation.estimate(SHARE, inside).interval),
                "half_width": float(np.median(width)),
                "half_width_rms": float(np.sqrt(np.mean(width**2))),
            }
        )
    return found


def _score_procedure(comparison: Comparison) -> dict[str, Any]:
    """Score the whole procedure: in each fold, the model that does best on the first inner fold of that fold.

    The selected model is the best of several by the scores that are reported, which are optimistic for it; this one is
    not.
    """
    repeated, problem = comparison.validation, comparison.validation.problem
    predicted, picked = np.empty((len(comparison.outs), problem.n_scored)), []
    for place, (validation, outs) in enumerate(zip(repeated.validations, comparison.outs, strict=True)):
        for number, (_, test) in enumerate(validation.splits):
            name = min(outs, key=lambda model: outs[model].inner_errors[number])
            predicted[place, test] = outs[name].mean[test]
            picked.append(name)
    first = repeated.first
    folds = repeated.n_folds
    found = compute_scores(problem.scored, predicted, problem.scored_groups, first.bootstraps, first.seed, folds)
    return found | {"models": {name: picked.count(name) for name in dict.fromkeys(picked)}}
