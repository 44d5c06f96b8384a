"""The comparison of models on one problem: scores, held-out predictions, verdict, and the best model refitted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.models import Ablation, Surrogate
from batterymi.statistics.intervals import (
    LEVELS,
    compute_conformal_factor,
    compute_error_scale,
    compute_q_squared,
    compute_t_factor,
)
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean
from batterymi.surrogates.applicability import compute_held_out_distances
from batterymi.surrogates.model import make_model
from batterymi.surrogates.permutation import PermutationTest, compute_permutation_importances, run_permutation_test
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.store import StoredModel
from batterymi.surrogates.validate import REFERENCES
from batterymi.surrogates.validation import (
    CrossValidation,
    OutOfFold,
    fit_on_rows,
    make_method,
    make_splits,
    predict_out_of_fold,
    tune_hyperparameters,
)
from batterymi.surrogates.widening import fit_widening, make_no_widening
from batterymi.vocabulary.measured import describe_side
from batterymi.vocabulary.verdicts import decide_verdict

logger = logging.getLogger(__name__)

N_IMPORTANCE_REPEATS = 20
SMALLEST_WIDTH = 1e-9  # of an interval, in deviations of what was learned


@dataclass(frozen=True)
class Comparison:
    """What came out of one problem.

    Attributes:
        validation: the cross-validation.
        outs: held-out predictions of every model.
        best: the selected model.
        metrics: scores of every model.
        predictions: held-out predictions in long form.
        importances: permutation importances of the selected model.
        stored: the selected model, refitted on all rows.
    """

    validation: CrossValidation
    outs: dict[str, OutOfFold]
    best: str
    metrics: pd.DataFrame
    predictions: pd.DataFrame
    importances: pd.DataFrame
    stored: StoredModel


def apply_ablation(settings: Surrogate, ablation: Ablation | None) -> Surrogate:
    """Return the comparison with the models that an ablation names, if it does."""
    if ablation is None or ablation.models is None:
        return settings
    return settings.model_copy(update={"models": ablation.models})


def compare_models(problem: Problem, settings: Surrogate, seed: int) -> Comparison:
    """Compare models on one problem, test the best, and refit it.

    Args:
        problem: what is learned.
        settings: the models and how they are compared.
        seed: the study's seed.
    """
    splits = make_splits(settings.folds, problem.groups, seed, problem.n_scored)
    validation = CrossValidation(problem, splits, make_method(settings), settings.bootstraps, seed)
    outs = {}
    for name in settings.models:
        outs[name] = predict_out_of_fold(name, validation)
        logger.info("%s, %s: cross-validated %s", problem.variant, problem.objective.name, name)
    error = {name: validation.method.error(problem.scored, out.mean) for name, out in outs.items()}
    # at a tie the model that is listed first is kept
    best = min(settings.models, key=lambda name: (error[name], settings.models.index(name)))
    test = run_permutation_test(best, validation, outs[best], settings.permutations, len(settings.models) - 1)
    labels = {"variant": problem.variant, "objective": problem.objective.name}
    metrics = score_models(validation, outs, best, test)
    importances = compute_permutation_importances(validation, outs[best], N_IMPORTANCE_REPEATS)
    # the same for all models, which share their encoder
    distance = compute_held_out_distances(validation, outs[best])
    row = metrics[metrics["selected"]].iloc[0]
    logger.info(
        "%s, %s: %s of %d models, Q2 %.2f, MAE %.3g, p %.3f: %s",
        *(*labels.values(), best, len(outs), row["q2"], row["mae"], row["p_value"], row["verdict"]),
    )
    return Comparison(
        validation,
        outs,
        best,
        metrics,
        list_predictions(validation, outs, best, distance).assign(**labels),
        importances.assign(**labels, unit=problem.objective.unit),
        refit_model(best, validation, outs[best], distance),
    )


def score_models(
    validation: CrossValidation, outs: Mapping[str, OutOfFold], best: str, test: PermutationTest
) -> pd.DataFrame:
    """Score every model, with intervals, and decide the verdict on the selected one.

    Args:
        validation: the cross-validation.
        outs: held-out predictions of every model.
        best: the selected model.
        test: its permutation test.

    Returns:
        One row per model.
    """
    problem, observed = validation.problem, validation.problem.scored
    squared = {name: (observed - out.mean) ** 2 for name, out in outs.items()}
    error = {name: float(np.abs(observed - out.mean).mean()) for name, out in outs.items()}
    least = problem.objective.worthwhile.least if problem.objective.worthwhile else 0.0
    gains = error["dummy"] - error[best], error["ridge"] - error[best]
    rows = []
    for name, out in outs.items():
        score = validation.compute_interval((observed, out.mean), compute_q_squared)
        over = {
            base: validation.compute_interval(squared[base] - squared[name], compute_mean)
            for base in REFERENCES
            if base in outs
        }
        middle = np.abs(observed - out.mean)
        absolute = validation.compute_interval(middle, compute_mean)
        # coverage is measured on the outer folds, which play no part in the conformal widths
        widths = {level: out.half_widths(observed, level) for level in LEVELS}
        refit = make_model(name, validation.method.make_options(validation.seed), out.chosen[0])
        refit.fit(problem.inputs.features, problem.frame, problem.observed, problem.errors)
        rows.append(
            {
                "variant": problem.variant,
                "objective": problem.objective.name,
                "unit": problem.objective.unit,
                "model": name,
                "rows": len(observed),
                "features": problem.frame.shape[1],
                **label_interval("q2", float(compute_q_squared(observed, out.mean)), score),
                **label_interval("mae", middle.mean(), absolute),
                "rmse": np.sqrt(squared[name].mean()),
                **{f"coverage_{100 * level:.0f}": np.mean(middle <= width) for level, width in widths.items()},
                "half_width_80": float(np.median(widths[0.8])),
                "training_r2": float(compute_q_squared(problem.observed, refit.predict_mean(problem.frame))),
                **{f"mse_gain_over_{base}_lower": low for base, (low, _) in over.items()},
                **{f"mse_gain_over_{base}_upper": high for base, (_, high) in over.items()},
                "selected": name == best,
                "p_value": test.p_value if name == best else np.nan,
                "shuffles": test.n_shuffles if name == best else np.nan,
                "p_method": test.method if name == best else "",
                "verdict": decide_verdict(name, test.p_value, over["dummy"], over["ridge"], gains, least)
                if name == best
                else "",
            }
        )
    return pd.DataFrame(rows)


def list_predictions(
    validation: CrossValidation, outs: Mapping[str, OutOfFold], best: str, distance: Array
) -> pd.DataFrame:
    """Return held-out predictions of every model, with intervals and distances, in long form."""
    problem = validation.problem
    fold = np.empty(problem.n_scored, dtype=int)
    for number, (_, test) in enumerate(validation.splits):
        fold[test] = number
    frames = []
    for name, out in outs.items():
        columns = {
            "model": name,
            "best": name == best,
            "line": problem.lines[: problem.n_scored],
            "group": [str(group) for group in problem.scored_groups],
            "fold": fold,
            "observed": problem.scored,
            "predicted": out.mean,
            "distance": distance,
        }
        if problem.censored.any():
            columns["limit"] = [describe_side(side).strip() for side in problem.censored[: problem.n_scored]]
        for level in LEVELS:
            width = out.half_widths(problem.scored, level)
            columns |= {f"lower_{100 * level:.0f}": out.mean - width, f"upper_{100 * level:.0f}": out.mean + width}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def refit_model(best: str, validation: CrossValidation, out: OutOfFold, distance: Array) -> StoredModel:
    """Refit the selected model to all rows, with the width of its intervals from held-out errors.

    Args:
        best: its name.
        validation: the cross-validation.
        out: its held-out predictions.
        distance: of every scored row to what its fold's model learned from.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    # with the rows of related tasks, as in the folds
    all_rows = np.arange(len(problem.observed))
    scores = np.abs(problem.scored - out.mean) / out.spread
    if method.inner_folds:
        settings = tune_hyperparameters(best, problem, all_rows, method, seed).settings
        width = compute_conformal_factor(scores, 0.95)
    else:
        settings = {}
        width = compute_t_factor(problem.n_scored) * compute_error_scale(problem.scored, out.mean, out.spread)
    fitted = fit_on_rows(best, problem, all_rows, method, seed, settings)
    learned = np.asarray(fitted.encoder.transform(problem.frame), dtype=float)
    deviation, typical = float(np.std(problem.observed)), width * float(np.median(out.spread))
    relative = deviation / max(typical, SMALLEST_WIDTH * deviation) if deviation > 0 else 0.0
    return StoredModel(
        variant=problem.variant,
        objective=problem.objective.name,
        features=[feature.name for feature in problem.inputs.features],
        categories=[feature.name for feature in problem.inputs.features if feature.is_category],
        descriptors=[descriptor.model_dump(mode="json") for descriptor in problem.inputs.descriptors],
        fitted=fitted,
        half_width_per_spread=width,
        widening=make_no_widening() if fitted.knows_distance else fit_widening(learned, distance, scores, relative),
    )
