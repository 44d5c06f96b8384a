"""The stage `train_surrogate`: compare models, say what may be said, refit the best on all rows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Ablation, Feature, Objective, Surrogate
from batterymi.data.table import SPLIT, TRAIN
from batterymi.features.encode import feature_frame
from batterymi.files import write_csv, write_parquet, write_text
from batterymi.surrogates.card import model_card
from batterymi.surrogates.intervals import (
    error_scale,
    half_widths,
    interval,
    q_squared,
    resampled,
    resamples,
    t_factor,
)
from batterymi.surrogates.models import fit_model
from batterymi.surrogates.store import save_models
from batterymi.surrogates.validation import (
    OutOfFold,
    PermutationTest,
    Split,
    make_splits,
    out_of_fold,
    permutation_importances,
    permutation_test,
)
from batterymi.surrogates.verdict import judge

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
N_IMPORTANCE_REPEATS = 20


@dataclass(frozen=True)
class Problem:
    """One objective to learn from one set of features."""

    variant: str
    objective: Objective
    features: tuple[Feature, ...]
    frame: pd.DataFrame
    observed: Array
    groups: Sequence[object]
    lines: Array


@dataclass(frozen=True)
class Fit:
    """What came out of one problem."""

    metrics: pd.DataFrame
    predictions: pd.DataFrame
    importances: pd.DataFrame
    stored: dict[str, Any]


def train_surrogate(
    table_path: str,
    metrics_path: str,
    predictions_path: str,
    importances_path: str,
    model_path: str,
    card_path: str,
    *,
    title: str,
    table: dict[str, Any],
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    ablations: list[dict[str, Any]],
    surrogate: dict[str, Any],
    seed: int,
) -> None:
    """Cross-validate every model on every objective and variant, and keep the best.

    Args:
        table_path: the study's table.
        metrics_path: CSV to write: one row per variant, objective and model.
        predictions_path: Parquet to write: out-of-fold predictions with 95 % intervals.
        importances_path: CSV to write: out-of-fold permutation importances of the selected models.
        model_path: skops file to write: the selected models, refitted on all rows.
        card_path: Markdown to write: the model card.
        title: the study's title, for the card.
        table: settings of the table.
        features: settings of the features.
        objectives: settings of the objectives.
        ablations: settings of the variants with fewer features.
        surrogate: settings of the comparison.
        seed: the study's seed.
    """
    settings = Surrogate(**surrogate)
    columns = tuple(Feature(**feature) for feature in features)
    dropped = {a.name: a for a in (Ablation(**ablation) for ablation in ablations)}
    variants = {"all_features": columns} | {
        name: tuple(f for f in columns if f.name not in a.drop) for name, a in dropped.items()
    }
    rows = pd.read_parquet(table_path)
    rows = rows[rows[SPLIT] == TRAIN]
    fits = []
    for variant, kept in variants.items():
        for objective in (Objective(**o) for o in objectives):
            problem = _problem(rows, variant, kept, objective, table["group"])
            fits.append(_fit(problem, settings, seed))
    metrics = pd.concat([fit.metrics for fit in fits], ignore_index=True)
    write_csv(metrics_path, metrics)
    write_parquet(predictions_path, pd.concat([f.predictions for f in fits], ignore_index=True))
    write_csv(importances_path, pd.concat([f.importances for f in fits], ignore_index=True))
    save_models(model_path, [fit.stored for fit in fits])
    write_text(card_path, model_card(title, metrics, variants, dropped, settings, table))


def _problem(
    rows: pd.DataFrame,
    variant: str,
    features: tuple[Feature, ...],
    objective: Objective,
    group: str | None,
) -> Problem:
    """Cut the columns of one problem out of the table."""
    return Problem(
        variant=variant,
        objective=objective,
        features=features,
        frame=feature_frame(rows, features),
        observed=rows[objective.name].to_numpy(float),
        groups=list(rows[group]) if group else list(range(len(rows))),
        lines=rows["line"].to_numpy(),
    )


def _fit(problem: Problem, settings: Surrogate, seed: int) -> Fit:
    """Compare the models on one problem, test the best, and refit it."""
    splits = make_splits(settings.folds, problem.groups, seed)
    outs = {
        name: out_of_fold(name, problem.features, problem.frame, problem.observed, splits, seed)
        for name in settings.models
    }
    error = {name: np.mean((problem.observed - out.mean) ** 2) for name, out in outs.items()}
    best = min(settings.models, key=lambda name: (error[name], settings.models.index(name)))
    test = permutation_test(
        best,
        problem.features,
        problem.frame,
        problem.observed,
        splits,
        outs[best],
        settings.permutations,
        len(settings.models) - 1,
        seed,
    )
    metrics = _metrics(problem, settings, outs, best, test, seed)
    importances = permutation_importances(
        outs[best], problem.frame, problem.observed, splits, N_IMPORTANCE_REPEATS, seed
    )
    row = metrics[metrics["selected"]].iloc[0]
    logger.info(
        "%s, %s: %s of %d models, Q2 %.2f, p %.3f: %s",
        problem.variant,
        problem.objective.name,
        best,
        len(outs),
        row["q2"],
        row["p_value"],
        row["verdict"],
    )
    labels = {"variant": problem.variant, "objective": problem.objective.name}
    return Fit(
        metrics,
        _predictions(problem, outs, splits).assign(**labels),
        importances.assign(**labels, unit=problem.objective.unit),
        _stored(problem, best, outs[best], seed) | labels,
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
    observed = problem.observed
    draws = resamples(problem.groups, settings.bootstraps, seed)
    squared = {name: (observed - out.mean) ** 2 for name, out in outs.items()}
    rows = []
    for name, out in outs.items():
        score = interval(resampled(q_squared, draws, observed, out.mean))
        over = {base: interval(resampled(_mean, draws, squared[base] - squared[name])) for base in ("dummy", "ridge")}
        refit = fit_model(name, problem.features, problem.frame, observed, seed)
        width = half_widths(observed, out.mean, out.spread)
        rows.append(
            {
                "variant": problem.variant,
                "objective": problem.objective.name,
                "unit": problem.objective.unit,
                "model": name,
                "rows": len(observed),
                "features": len(problem.features),
                "q2": float(q_squared(observed, out.mean)),
                "q2_lower": score[0],
                "q2_upper": score[1],
                "mae": np.abs(observed - out.mean).mean(),
                "rmse": np.sqrt(squared[name].mean()),
                "coverage_95": np.mean(np.abs(observed - out.mean) <= width),
                "training_r2": float(q_squared(observed, refit.predict(problem.frame))),
                "mse_gain_over_dummy_lower": over["dummy"][0],
                "mse_gain_over_dummy_upper": over["dummy"][1],
                "mse_gain_over_ridge_lower": over["ridge"][0],
                "mse_gain_over_ridge_upper": over["ridge"][1],
                "selected": name == best,
                "p_value": test.p_value if name == best else np.nan,
                "shuffles": test.n_shuffles if name == best else np.nan,
                "p_method": test.method if name == best else "",
                "verdict": judge(name, test.p_value, over["dummy"], over["ridge"]) if name == best else "",
            }
        )
    return pd.DataFrame(rows)


def _mean(values: Array) -> Array:
    """Mean along the last axis."""
    return values.mean(axis=-1)


def _predictions(problem: Problem, outs: dict[str, OutOfFold], splits: Sequence[Split]) -> pd.DataFrame:
    """Out-of-fold predictions of every model, long form."""
    fold = np.empty(len(problem.observed), dtype=int)
    for number, (_, test) in enumerate(splits):
        fold[test] = number
    frames = []
    for name, out in outs.items():
        width = half_widths(problem.observed, out.mean, out.spread)
        frames.append(
            pd.DataFrame(
                {
                    "model": name,
                    "line": problem.lines,
                    "fold": fold,
                    "observed": problem.observed,
                    "predicted": out.mean,
                    "lower_95": out.mean - width,
                    "upper_95": out.mean + width,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _stored(problem: Problem, best: str, out: OutOfFold, seed: int) -> dict[str, Any]:
    """What the model file keeps of one problem."""
    model = fit_model(best, problem.features, problem.frame, problem.observed, seed)
    scale = error_scale(problem.observed, out.mean, out.spread)
    return {
        "model": best,
        "features": [feature.name for feature in problem.features],
        "pipeline": model,
        "half_width_per_spread": t_factor(len(problem.observed)) * scale,
    }
