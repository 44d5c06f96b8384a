"""Everything beyond a score that says how far a model can be trusted."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Surrogate
from batterymi.config.sources import Table
from batterymi.statistics.intervals import LEVELS, interval, resampled, resamples
from batterymi.statistics.scores import mean, scores
from batterymi.surrogates.applicability import error_over_distance, held_out_distances
from batterymi.surrogates.censoring import compare_treatments
from batterymi.surrogates.curve import learning_curve
from batterymi.surrogates.leaks import compare_groupings, most_common, single_features
from batterymi.surrogates.noise import noise_floor
from batterymi.surrogates.official import test_once
from batterymi.surrogates.problem import Problem, joint_groups
from batterymi.surrogates.validation import OutOfFold, Split, make_method
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

logger = logging.getLogger(__name__)


def validate(
    problem: Problem,
    splits: Sequence[Split],
    outs: Mapping[str, OutOfFold],
    best: str,
    rows: pd.DataFrame,
    computed: Mapping[str, pd.DataFrame],
    table: Table,
    settings: Surrogate,
    seed: int,
) -> dict[str, Any]:
    """Check one selected model from all sides that its study asks for.

    Args:
        problem: what it learned.
        splits: the study's cross-validation.
        outs: held-out predictions of every model.
        best: the selected model.
        rows: the table.
        computed: descriptors of its rows.
        table: settings of the table.
        settings: settings of the comparison.
        seed: the study's seed.

    Returns:
        `selected`, `single_features`, `calibration`, `applicability`, and where the settings ask for them `procedure`,
        `groupings`, `noise`, `censoring`, `learning_curve` and `test`; None for the others.
    """
    out, n = outs[best], settings.bootstraps
    method = make_method(settings)
    objective = problem.objective.name
    chosen = most_common(out.chosen)
    train, repeats, nested = rows[rows[SPLIT] == TRAIN], table.repeats, bool(settings.inner_folds)
    found: dict[str, Any] = {
        "selected": best,
        "settings": chosen,
        "single_features": single_features(problem),
        "calibration": calibration(problem, out, n, seed),
        "applicability": error_over_distance(problem, out, held_out_distances(problem, out, splits), n, seed),
        "procedure": _procedure(problem, splits, outs, n, seed) if nested else None,
        "noise": noise_floor(train, objective, repeats, table.censored, seed) if repeats else None,
    }
    if table.group_columns or table.compare_groups:
        found["groupings"] = compare_groupings(best, problem, rows, table, out, settings.folds, method, n, seed)
    found.setdefault("groupings", None)
    logger.info("%s: compared ways to split", objective)
    bounded = bool(problem.censored.any())
    found["censoring"] = compare_treatments(best, problem, splits, method, chosen, n, seed) if bounded else None
    curve = settings.learning_curve
    found["learning_curve"] = learning_curve(best, problem, splits, method, chosen, n, seed) if curve else None
    logger.info("%s: learning curve and bounds done", objective)
    test = rows[rows[SPLIT] == TEST]
    found["test"] = None
    if len(test):
        frame = problem.inputs.frame(rows, computed).loc[test.index]
        bounds = test[table.censored].astype(float) == 1 if table.censored else pd.Series(False, index=test.index)
        baselines = [name for name in ("dummy", "ridge", "nearest_neighbour") if name in outs]
        groups = joint_groups(test, table.group_columns)
        observed = test[objective].to_numpy(float)
        found["test"] = test_once(
            best, baselines, problem, frame, observed, bounds.to_numpy(bool), groups, method, n, seed
        )
        found["test"]["lines"] = [int(line) for line in test["line"]]
        if repeats:
            found["test"]["repeats_in_training"] = int(test[repeats].isin(set(train[repeats])).sum())
        found["test"]["shared_groups"] = len(set(map(str, groups)) & set(map(str, problem.groups)))
    return found


def calibration(problem: Problem, out: OutOfFold, bootstraps: int, seed: int) -> list[dict[str, float]]:
    """How often held-out rows lie within their intervals, and how wide those are.

    Args:
        problem: what was learned.
        out: held-out predictions.
        bootstraps: resamples behind the intervals of the shares.
        seed: of the resamples.

    Returns:
        Per level: `level`, `coverage` with its 95 % interval over groups, `half_width` (median) and `half_width_rms`.
    """
    miss = np.abs(problem.scored - out.mean)
    draws = resamples(problem.scored_groups, bootstraps, seed)
    found = []
    for level in LEVELS:
        width: NDArray[np.float64] = out.half_widths(problem.scored, level)
        inside = (miss <= width).astype(float)
        low, high = interval(resampled(mean, draws, inside))
        found.append(
            {
                "level": level,
                "coverage": float(inside.mean()),
                "coverage_lower": low,
                "coverage_upper": high,
                "half_width": float(np.median(width)),
                "half_width_rms": float(np.sqrt(np.mean(width**2))),
            }
        )
    return found


def _procedure(
    problem: Problem, splits: Sequence[Split], outs: Mapping[str, OutOfFold], bootstraps: int, seed: int
) -> dict[str, Any]:
    """Score of the whole procedure: in each fold, the model that the inner cross-validation of that fold prefers.

    The selected model is the best of several by the scores that are reported, which flatters it; this one is not.
    """
    predicted, picked = np.empty(problem.n_scored), []
    for number, (_, test) in enumerate(splits):
        name = min(outs, key=lambda one: outs[one].inner_errors[number])
        predicted[test] = outs[name].mean[test]
        picked.append(name)
    return {**scores(problem.scored, predicted, problem.scored_groups, bootstraps, seed), "models": picked}
