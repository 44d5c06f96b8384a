"""Whether a model gains by further features: candidates predicted by the same folds, scored over partitions."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.models import CrossValidated
from batterymi.config.slices.methods import MethodSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.statistics.grouped import draw_groups, estimate
from batterymi.statistics.scores import MAE, MEAN, R2, compute_mean
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.validation import predict_out_of_fold
from batterymi.vocabulary.splits import SPLIT, TRAIN
from batterymi.vocabulary.verdicts import NO_GAIN

BLEND = "blend"  # without further features; what all candidates are compared with
GAIN, LOSS = "gain shown", "loss shown"
Extension = tuple[str, str, Problem]  # name of the candidate, its model, and what that learns from


def make_study_problem(rows: pd.DataFrame, settings: MethodSettings) -> Problem:
    """Return the problem of a study's first objective with all of its features, for the rows that are learned from."""
    rows = rows[rows[SPLIT] == TRAIN].reset_index(drop=True)
    inputs = Inputs(settings.features, settings.descriptors)
    computed = compute_descriptors(rows, settings.descriptors)
    return make_problem(rows, computed, "all_features", inputs, settings.objectives[0], settings.table)


def predict_extensions(
    problem: Problem, extensions: Iterable[Extension], settings: CrossValidated, seed: int, partition: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return held-out predictions of every candidate by one partition, and the processor time of each in seconds.

    Nothing is tuned, so that candidates differ in what they learn from alone.

    Args:
        problem: without further features.
        extensions: the candidates.
        settings: of blends, folds and bounds.
        seed: of the study.
        partition: from 1.
    """
    plain = settings.model_copy(update={"inner_folds": None})
    columns: dict[str, Any] = {
        "line": problem.lines[: problem.n_scored],
        "group": [str(group) for group in problem.scored_groups],
        "observed": problem.scored,
    }
    seconds = {}
    start = time.process_time()
    for name, model, extended in extensions:
        validation = make_validation(extended, plain, 1, seed, partition, is_primary=False)
        columns[name] = predict_out_of_fold(model, validation).mean
        seconds[name], start = time.process_time() - start, time.process_time()
    return pd.DataFrame(columns), seconds


def score_candidates(
    predictions: list[pd.DataFrame],
    candidates: Mapping[str, str],
    folds: int,
    bootstraps: int,
    seed: int,
    baseline: str = BLEND,
) -> pd.DataFrame:
    """Score every candidate over partitions, and its gain over one of them.

    Args:
        predictions: of each partition, rows in the same order.
        candidates: what each is, by the name of its column.
        folds: of each partition.
        bootstraps: resamples of groups behind intervals.
        seed: of these.
        baseline: the candidate that gains are over; if not given, the blend without further features.

    Returns:
        One row for each candidate: MAE and R² (means over the partitions, with 95 % intervals over groups and
        partitions), gain in MAE over the baseline, its smallest over the partitions, and a verdict that follows the
        interval.
    """
    first = predictions[0]
    observed = first["observed"].to_numpy(float)
    draws = draw_groups(first["group"].tolist(), bootstraps, seed)
    errors = {name: _stack(predictions, name) - observed for name in candidates}
    found = []
    for name, what in candidates.items():
        said = errors[name] + observed
        gains = np.abs(errors[baseline]) - np.abs(errors[name])
        scores = {"mae": MAE, "r2": R2}
        row: dict[str, Any] = {"candidate": name, "what": what}
        for label, statistic in scores.items():
            score = estimate(statistic, draws, observed, said, folds=folds)
            row |= {label: score.value, f"{label}_lower": score.lower, f"{label}_upper": score.upper}
        gain = estimate(MEAN, draws, gains, folds=folds)
        row |= {"gain": gain.value, "gain_lower": gain.lower, "gain_upper": gain.upper}
        row |= {"worst_mae": float(np.abs(errors[name]).mean(axis=1).max())}
        row |= {"worst_gain": float(compute_mean(gains).min()), "partitions": len(predictions), "rows": len(observed)}
        found.append(row | {"verdict": "" if name == baseline else decide_gain(gain.lower, gain.upper)})
    return pd.DataFrame(found)


def describe_scores(scores: pd.DataFrame, unit: str) -> list[str]:
    """Return what `score_candidates` found in sentences, one for each candidate."""
    return [
        f"{row['what']}: MAE {row['mae']:.3f} {unit}, R² {row['r2']:.3f}, gain {row['gain']:+.3f} "
        f"[{row['gain_lower']:+.3f}, {row['gain_upper']:+.3f}], worst partition {row['worst_gain']:+.3f}: "
        f"{row['verdict'] or 'what the others are compared with'}"
        for _, row in scores.iterrows()
    ]


def add_up_times(times: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the processor time of each candidate over all partitions, in seconds."""
    seconds = [one["cpu_seconds"] for one in times]
    return {name: sum(one[name] for one in seconds) for name in seconds[0]}


def decide_gain(lower: float, upper: float) -> str:
    """Return what may be said of a gain with an interval; one that holds zero shows nothing."""
    return GAIN if lower > 0 else LOSS if upper < 0 else NO_GAIN


def find_misaligned(predictions: list[pd.DataFrame]) -> Indices:
    """Return the numbers of the partitions whose rows are not those of the first."""
    lines = predictions[0]["line"].tolist()
    return np.array([n for n, frame in enumerate(predictions) if frame["line"].tolist() != lines], dtype=np.intp)


def _stack(predictions: list[pd.DataFrame], name: str) -> Array:
    """Return the predictions of a candidate, shape (n_partitions, n_rows)."""
    return np.stack([frame[name].to_numpy(float) for frame in predictions])
