"""The stage `train_surrogate`: compare models, say what may be said, refit the best on all rows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Ablation, Surrogate
from batterymi.config.slices.training import TrainingSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet, write_text
from batterymi.statistics.intervals import (
    LEVELS,
    conformal_factor,
    error_scale,
    interval,
    q_squared,
    resampled,
    resamples,
    t_factor,
)
from batterymi.statistics.scores import mean
from batterymi.surrogates.applicability import held_out_distances
from batterymi.surrogates.card import model_card
from batterymi.surrogates.models import fit_model
from batterymi.surrogates.permutation import PermutationTest, permutation_importances, permutation_test
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.store import save_models
from batterymi.surrogates.validate import validate
from batterymi.surrogates.validation import Method, OutOfFold, Split, learn, make_method, make_splits, out_of_fold, tune
from batterymi.vocabulary.splits import CHECKED, SPLIT
from batterymi.vocabulary.verdicts import judge

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
N_IMPORTANCE_REPEATS = 20


@dataclass(frozen=True)
class Fit:
    """What came out of one problem."""

    problem: Problem
    splits: Sequence[Split]
    outs: dict[str, OutOfFold]
    best: str
    metrics: pd.DataFrame
    predictions: pd.DataFrame
    importances: pd.DataFrame
    stored: dict[str, Any]


@dataclass(frozen=True)
class SurrogateFiles:
    """What the stage writes.

    Attributes:
        metrics: CSV; one row per variant, objective and model.
        predictions: Parquet; out-of-fold predictions with intervals at 50, 80 and 95 %.
        importances: CSV; out-of-fold permutation importances of the selected models.
        validation: JSON; leaks, noise, calibration, applicability, learning curve, official test.
        model: skops; the selected models, refitted on all rows.
        card: Markdown; the model card.
    """

    metrics: Path
    predictions: Path
    importances: Path
    validation: Path
    model: Path
    card: Path


def train_surrogate(table: Path, report: Path, files: SurrogateFiles, settings: TrainingSettings) -> None:
    """Cross-validate every model on every objective and variant, and keep the best.

    Args:
        table: the study's table.
        report: report on the table, for its digests.
        files: what to write.
        settings: what models learn from, and which are compared.
    """
    left_out = {ablation.name: ablation for ablation in settings.ablations}
    whole = Inputs(settings.features, settings.descriptors)
    variants = {"all_features": whole} | {name: _without(whole, one) for name, one in left_out.items()}
    needed = [*(column.name for column in (*settings.features, *settings.objectives)), SPLIT]
    rows = read_frame(table, needs=needed)
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    computed = compute_descriptors(rows, whole.descriptors)
    fits, checks = [], {}
    for variant, inputs in variants.items():
        for objective in settings.objectives:
            ablation = left_out.get(variant)
            problem = make_problem(rows, computed, variant, inputs, objective, settings.table, ablation)
            fit = _fit(problem, _for_variant(settings.surrogate, ablation), settings.seed)
            fits.append(fit)
            if variant == settings.primary_variant and objective.goal != "report":
                checks[objective.name] = validate(
                    fit.problem,
                    fit.splits,
                    fit.outs,
                    fit.best,
                    rows,
                    computed,
                    settings.table,
                    settings.surrogate,
                    settings.seed,
                )
    metrics = pd.concat([fit.metrics for fit in fits], ignore_index=True)
    write_csv(files.metrics, metrics)
    write_parquet(files.predictions, pd.concat([f.predictions for f in fits], ignore_index=True))
    write_csv(files.importances, pd.concat([f.importances for f in fits], ignore_index=True))
    write_json(files.validation, {"variant": settings.primary_variant, "objectives": checks})
    save_models(files.model, [fit.stored for fit in fits])
    card = model_card(
        settings.title,
        metrics,
        variants,
        left_out,
        settings.surrogate,
        settings.table,
        checks,
        computed,
        read_json(report),
        list(settings.remarks),
    )
    write_text(files.card, card)


def _for_variant(settings: Surrogate, ablation: Ablation | None) -> Surrogate:
    """The comparison with the models that an ablation names, if it does."""
    if ablation is None or ablation.models is None:
        return settings
    return settings.model_copy(update={"models": ablation.models})


def _without(inputs: Inputs, ablation: Ablation) -> Inputs:
    """The inputs that an ablation leaves."""
    return Inputs(
        tuple(feature for feature in inputs.features if feature.name not in ablation.drop),
        tuple(descriptor for descriptor in inputs.descriptors if descriptor.name not in ablation.drop),
    )


def _fit(problem: Problem, settings: Surrogate, seed: int) -> Fit:
    """Compare the models on one problem, test the best, and refit it."""
    method = make_method(settings)
    splits = make_splits(settings.folds, problem.groups, seed, problem.n_scored)
    outs = {}
    for name in settings.models:
        outs[name] = out_of_fold(name, problem, splits, method, seed)
        logger.info("%s, %s: cross-validated %s", problem.variant, problem.objective.name, name)
    error = {name: method.error(problem.scored, out.mean) for name, out in outs.items()}
    best = min(settings.models, key=lambda name: (error[name], settings.models.index(name)))
    test = permutation_test(
        best, problem, splits, outs[best], method, settings.permutations, len(settings.models) - 1, seed
    )
    metrics = _metrics(problem, settings, outs, best, test, seed)
    importances = permutation_importances(problem, outs[best], splits, N_IMPORTANCE_REPEATS, seed)
    row = metrics[metrics["selected"]].iloc[0]
    logger.info(
        "%s, %s: %s of %d models, Q2 %.2f, MAE %.3g, p %.3f: %s",
        problem.variant,
        problem.objective.name,
        best,
        len(outs),
        row["q2"],
        row["mae"],
        row["p_value"],
        row["verdict"],
    )
    labels = {"variant": problem.variant, "objective": problem.objective.name}
    return Fit(
        problem,
        splits,
        outs,
        best,
        metrics,
        _predictions(problem, outs, best, splits).assign(**labels),
        importances.assign(**labels, unit=problem.objective.unit),
        _stored(problem, best, outs[best], method, seed) | labels,
    )


def _metrics(
    problem: Problem,
    settings: Surrogate,
    outs: dict[str, OutOfFold],
    best: str,
    test: PermutationTest,
    seed: int,
) -> pd.DataFrame:
    """Scores of every model, with intervals, and the verdict on the selected one."""
    observed = problem.scored
    draws = resamples(problem.scored_groups, settings.bootstraps, seed)
    squared = {name: (observed - out.mean) ** 2 for name, out in outs.items()}
    rows = []
    for name, out in outs.items():
        score = interval(resampled(q_squared, draws, observed, out.mean))
        over = {
            base: interval(resampled(mean, draws, squared[base] - squared[name]))
            for base in ("dummy", "ridge", "nearest_neighbour")
            if base in outs
        }
        middle = np.abs(observed - out.mean)
        absolute = interval(resampled(mean, draws, middle))
        widths = {level: out.half_widths(observed, level) for level in LEVELS}
        refit = fit_model(
            name, problem.inputs.features, problem.frame, problem.observed, seed, settings.trees, out.chosen[0]
        )
        rows.append(
            {
                "variant": problem.variant,
                "objective": problem.objective.name,
                "unit": problem.objective.unit,
                "model": name,
                "rows": len(observed),
                "features": problem.frame.shape[1],
                "q2": float(q_squared(observed, out.mean)),
                "q2_lower": score[0],
                "q2_upper": score[1],
                "mae": middle.mean(),
                "mae_lower": absolute[0],
                "mae_upper": absolute[1],
                "rmse": np.sqrt(squared[name].mean()),
                **{f"coverage_{100 * level:.0f}": np.mean(middle <= width) for level, width in widths.items()},
                "half_width_80": float(np.median(widths[0.8])),
                "training_r2": float(q_squared(problem.observed, refit.predict(problem.frame))),
                **{f"mse_gain_over_{base}_lower": low for base, (low, _) in over.items()},
                **{f"mse_gain_over_{base}_upper": high for base, (_, high) in over.items()},
                "selected": name == best,
                "p_value": test.p_value if name == best else np.nan,
                "shuffles": test.n_shuffles if name == best else np.nan,
                "p_method": test.method if name == best else "",
                "verdict": judge(name, test.p_value, over["dummy"], over["ridge"]) if name == best else "",
            }
        )
    return pd.DataFrame(rows)


def _predictions(problem: Problem, outs: dict[str, OutOfFold], best: str, splits: Sequence[Split]) -> pd.DataFrame:
    """Out-of-fold predictions of every model, long form."""
    fold = np.empty(problem.n_scored, dtype=int)
    for number, (_, test) in enumerate(splits):
        fold[test] = number
    distance = held_out_distances(problem, outs[best], splits)  # the same for all, whose encoders are
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
        for level in LEVELS:
            width = out.half_widths(problem.scored, level)
            columns |= {f"lower_{100 * level:.0f}": out.mean - width, f"upper_{100 * level:.0f}": out.mean + width}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _stored(problem: Problem, best: str, out: OutOfFold, method: Method, seed: int) -> dict[str, Any]:
    """What the model file keeps of one problem."""
    every = np.arange(len(problem.observed))
    settings = tune(best, problem, every, method, seed).settings if method.inner_folds else {}
    if method.inner_folds:
        width = conformal_factor(np.abs(problem.scored - out.mean) / out.spread, 0.95)
    else:
        width = t_factor(problem.n_scored) * error_scale(problem.scored, out.mean, out.spread)
    return {
        "model": best,
        "features": [feature.name for feature in problem.inputs.features],
        "categories": [feature.name for feature in problem.inputs.features if feature.is_category],
        "descriptors": [one.model_dump(mode="json") for one in problem.inputs.descriptors],
        "pipeline": learn(best, problem, every, method, seed, settings),
        "half_width_per_spread": width,
        "forests_vary": method.inner_folds is not None,
    }
