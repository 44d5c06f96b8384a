"""The comparison of models on one problem: scores, held-out predictions, verdict, and the best model refitted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.models import Surrogate
from batterymi.config.parts import Simplex
from batterymi.statistics.intervals import (
    LEVELS,
    compute_conformal_factor,
    compute_error_scale,
    compute_t_factor,
)
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import MAE, MEAN, R2, RMSE, compute_spearman
from batterymi.surrogates.applicability import compute_held_out_distances
from batterymi.surrogates.exceedance import AUC, BRIER, exceed_held_out, mark_beyond
from batterymi.surrogates.importances import compute_permutation_importances
from batterymi.surrogates.model import make_model
from batterymi.surrogates.partitions import Outs, RepeatedValidation
from batterymi.surrogates.permutation import PermutationTest, run_permutation_test
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.store import StoredModel
from batterymi.surrogates.validation import CrossValidation, OutOfFold, fit_on_rows, tune_hyperparameters
from batterymi.surrogates.widening import fit_widening, make_no_widening
from batterymi.vocabulary.measured import describe_side
from batterymi.vocabulary.splits import PARTITION
from batterymi.vocabulary.verdicts import decide_verdict

logger = logging.getLogger(__name__)

REFERENCES = ("dummy", "ridge", "nearest_neighbour", "nearest_composition")  # baselines that models are compared with
LOSSES = {"mse": 2, "mae": 1}  # powers of errors in which gains are stated
N_IMPORTANCE_REPEATS = 20
SMALLEST_WIDTH = 1e-9  # of an interval, in deviations of what was learned


@dataclass(frozen=True)
class Comparison:
    """What came out of one problem.

    Attributes:
        validation: the cross-validations.
        outs: held-out predictions of every model, by partition.
        best: the selected model.
        metrics: scores of every model.
        predictions: held-out predictions in long form.
        importances: permutation importances of the selected model.
        distance: of every scored row to what its model of the first partition learned from.
        stored: the selected model, refitted on all rows that the cross-validations learn from.
    """

    validation: RepeatedValidation
    outs: tuple[Outs, ...]
    best: str
    metrics: pd.DataFrame
    predictions: pd.DataFrame
    importances: pd.DataFrame
    distance: Array
    stored: StoredModel


def compare_models(
    validation: RepeatedValidation,
    outs: Sequence[Outs],
    settings: Surrogate,
    simplex: Simplex | None,
    processes: int = 1,
) -> Comparison:
    """Compare models on one problem, test the best, and refit it.

    Args:
        validation: the cross-validations.
        outs: held-out predictions of every model, by partition.
        settings: how the best is tested.
        simplex: features that are fractions of one whole, for the importances.
        processes: that the test may use.
    """
    problem, names = validation.problem, list(outs[0])
    error = {
        name: float(np.mean([validation.first.method.error(problem.scored, out[name].mean) for out in outs]))
        for name in names
    }
    # at a tie the model that is listed first is kept
    best = min(names, key=lambda name: (error[name], names.index(name)))
    by_partition = [out[best] for out in outs]
    test = run_permutation_test(best, validation.first, by_partition, settings.permutations, len(names) - 1, processes)
    labels = {"variant": problem.variant, "objective": problem.objective.name}
    metrics = score_models(validation, outs, best, test)
    importances = compute_permutation_importances(
        best, validation.first, by_partition[0], N_IMPORTANCE_REPEATS, simplex
    )
    # the same for all models, which share their encoder
    distance = compute_held_out_distances(validation.first)
    row = metrics[metrics["selected"]].iloc[0]
    logger.info(
        "%s, %s: %s of %d models, Q2 %.2f, MAE %.3g, p %.3f: %s",
        *(*labels.values(), best, len(names), row["q2"], row["mae"], row["p_value"], row["verdict"]),
    )
    return Comparison(
        validation,
        tuple(outs),
        best,
        metrics,
        list_predictions(validation, outs, best, distance).assign(**labels),
        importances.assign(**labels, unit=problem.objective.unit),
        distance,
        refit_model(best, validation.first, by_partition[0], distance),
    )


def score_models(
    validation: RepeatedValidation, outs: Sequence[Outs], best: str, test: PermutationTest
) -> pd.DataFrame:
    """Score every model, with intervals, and decide the verdict on the selected one.

    Args:
        validation: the cross-validations.
        outs: held-out predictions of every model, by partition.
        best: the selected model.
        test: its permutation test.

    Returns:
        One row per model.
    """
    problem, first, observed = validation.problem, validation.first, validation.problem.scored
    means = {name: validation.stack(outs, name) for name in outs[0]}
    errors = {name: np.abs(observed - mean) for name, mean in means.items()}
    error = {name: float(errors[name].mean()) for name in means}
    least = problem.objective.worthwhile.least if problem.objective.worthwhile else 0.0
    gains = error["dummy"] - error[best], error["ridge"] - error[best]
    rows = []
    for name, mean in means.items():
        out = outs[0][name]
        score, absolute = (validation.estimate(statistic, observed, mean) for statistic in (R2, MAE))
        bases = [base for base in REFERENCES if base in means]
        over = {
            loss: {
                base: validation.estimate(MEAN, errors[base] ** power - errors[name] ** power).interval
                for base in bases
            }
            for loss, power in LOSSES.items()
        }
        # squared errors of a linear model that extrapolates are those of a few rows, and say little of the others
        decisive = over["mae" if first.method.criterion == "absolute" else "mse"]
        # coverage is measured on the outer folds, which play no part in the conformal widths
        widths = {level: out.half_widths(observed, level) for level in LEVELS}
        refit = make_model(name, first.method.make_options(first.seed), out.chosen[0])
        everything = np.arange(len(problem.observed))
        encoder, matrix = problem.encode(everything)
        graphs = problem.list_graphs(everything)
        refit.fit_matrix(encoder, matrix, problem.observed, problem.errors, graphs)
        learned = refit.predict_matrix(matrix, graphs)[0]
        rows.append(
            {
                "variant": problem.variant,
                "objective": problem.objective.name,
                "unit": problem.objective.unit,
                "model": name,
                "rows": len(observed),
                "features": problem.frame.shape[1],
                "partitions": len(mean),
                **label_interval("q2", score.value, score.interval),
                **label_interval("mae", absolute.value, absolute.interval),
                "mae_between_partitions": float(np.abs(mean - observed).mean(axis=1).std(ddof=len(mean) > 1)),
                "rmse": validation.estimate(RMSE, observed, mean).value,
                "spearman": float(np.mean([compute_spearman(observed, part) for part in mean])),
                **_score_threshold(validation, [part[name] for part in outs]),
                **{
                    f"coverage_{100 * level:.0f}": np.mean(np.abs(observed - out.mean) <= width)
                    for level, width in widths.items()
                },
                "half_width_80": float(np.median(widths[0.8])),
                "training_r2": 1 - np.mean((problem.observed - learned) ** 2) / np.var(problem.observed),
                **{f"{loss}_gain_over_{base}_lower": over[loss][base][0] for loss in LOSSES for base in bases},
                **{f"{loss}_gain_over_{base}_upper": over[loss][base][1] for loss in LOSSES for base in bases},
                "selected": name == best,
                "p_value": test.p_value if name == best else np.nan,
                "shuffles": test.n_shuffles if name == best else np.nan,
                "p_method": test.method if name == best else "",
                "verdict": decide_verdict(name, test.p_value, decisive["dummy"], decisive["ridge"], gains, least)
                if name == best
                else "",
            }
        )
    return pd.DataFrame(rows)


def _score_threshold(validation: RepeatedValidation, outs: Sequence[OutOfFold]) -> dict[str, float]:
    """Return the area under the curve and the Brier score of a model, if the objective has a threshold."""
    objective, observed = validation.problem.objective, validation.problem.scored
    if objective.threshold is None:
        return {}
    bounds = validation.problem.censored[: validation.problem.n_scored]
    marked, is_known = mark_beyond(observed, bounds, objective.threshold, objective.sign)
    weights = is_known.astype(float)[None]
    chances = [exceed_held_out(one, out) for one, out in zip(validation.validations, outs, strict=True)]
    return {
        name: float(np.mean([statistic.weigh(weights, marked, chance)[0] for chance in chances if chance is not None]))
        for name, statistic in (("auc", AUC), ("brier", BRIER))
    }


def list_predictions(validation: RepeatedValidation, outs: Sequence[Outs], best: str, distance: Array) -> pd.DataFrame:
    """Return held-out predictions of every model, with intervals and distances, in long form.

    Args:
        validation: the cross-validations.
        outs: held-out predictions of every model, by partition.
        best: the selected model.
        distance: of the first partition.

    Returns:
        One row per partition, model and scored row; `distance` is NaN but in the first partition.
    """
    problem, frames = validation.problem, []
    for number, (one, out_by_model) in enumerate(zip(validation.validations, outs, strict=True), start=1):
        fold = np.empty(problem.n_scored, dtype=int)
        for place, (_, test) in enumerate(one.splits):
            fold[test] = place
        for name, out in out_by_model.items():
            columns: dict[str, Any] = {
                PARTITION: number,
                "model": name,
                "best": name == best,
                "line": problem.lines[: problem.n_scored],
                "group": [str(group) for group in problem.scored_groups],
                "fold": fold,
                "observed": problem.scored,
                "predicted": out.mean,
                "distance": distance if number == 1 else np.nan,
            }
            if problem.censored.any():
                columns["limit"] = [describe_side(side).strip() for side in problem.censored[: problem.n_scored]]
            for level in LEVELS:
                width = out.half_widths(problem.scored, level)
                columns |= {f"lower_{100 * level:.0f}": out.mean - width, f"upper_{100 * level:.0f}": out.mean + width}
            chance = exceed_held_out(one, out)
            columns |= {} if chance is None else {"chance_beyond": chance}
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def refit_model(
    best: str, validation: CrossValidation, out: OutOfFold, distance: Array, rows: Problem | None = None
) -> StoredModel:
    """Refit the selected model to all rows, with the width of its intervals from held-out errors.

    Args:
        best: its name.
        validation: the cross-validation.
        out: its held-out predictions.
        distance: of every scored row to what its fold's model learned from.
        rows: what to learn from, if not the rows of the cross-validation: those with an official test split, say.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    learned_from = problem if rows is None else rows
    # with the rows of related tasks, as in the folds
    all_rows = np.arange(len(learned_from.observed))
    errors = (problem.scored - out.mean) / out.spread
    if method.inner_folds:
        choosing = replace(method, inner_use="settings")
        settings = tune_hyperparameters(best, learned_from, all_rows, choosing, seed).settings
        width = compute_conformal_factor(np.abs(errors), 0.95)
    else:
        settings = {}
        width = compute_t_factor(problem.n_scored) * compute_error_scale(problem.scored, out.mean, out.spread)
    fitted = fit_on_rows(best, learned_from, all_rows, method, seed, settings)
    learned = np.asarray(fitted.encoder.transform(learned_from.frame), dtype=float)
    deviation, typical = float(np.std(problem.observed)), width * float(np.median(out.spread))
    relative = deviation / max(typical, SMALLEST_WIDTH * deviation) if deviation > 0 else 0.0
    no_widening = make_no_widening() if fitted.knows_distance else None
    return StoredModel(
        variant=problem.variant,
        objective=problem.objective.name,
        features=[feature.name for feature in problem.inputs.features],
        categories=[feature.name for feature in problem.inputs.features if feature.is_category],
        descriptors=[descriptor.model_dump(mode="json") for descriptor in problem.inputs.descriptors],
        fitted=fitted,
        half_width_per_spread=width,
        widening=no_widening or fit_widening(learned, distance, np.abs(errors), relative),
        errors=np.sort(errors),
    )
