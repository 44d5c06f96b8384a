"""Scores of several models on one problem over partitions of its groups, and their gains over a baseline."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.models import CrossValidated
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.feature_gain import decide_gain
from batterymi.surrogates.partitions import Outs, predict_partition, repeat_validation
from batterymi.surrogates.problem import Problem


@dataclass(frozen=True)
class ModelScores:
    """Scores of models.

    Attributes:
        models: a row for each: MAE and R² with 95 % intervals over groups and partitions, gain over the baseline, and a
            verdict that follows its interval.
        predictions: held-out predictions, a row for each row of the problem and partition.
    """

    models: pd.DataFrame
    predictions: pd.DataFrame


@dataclass(frozen=True)
class Repeats:
    """How scores are repeated.

    Attributes:
        partitions: of the groups into folds.
        bootstraps: resamples of groups.
        seed: of models, partitions and resamples.
    """

    partitions: int
    bootstraps: int
    seed: int


def score_models(problem: Problem, method: CrossValidated, repeats: Repeats, baseline: str) -> ModelScores:
    """Cross-validate models by several partitions.

    Args:
        problem: what is learned.
        method: the models, and how they are held out.
        repeats: of the cross-validation.
        baseline: the model that gains are over.
    """
    bootstraps, seed = repeats.bootstraps, repeats.seed
    repeated = repeat_validation(problem, method, bootstraps, seed, repeats.partitions, is_primary=False)
    outs: list[Outs] = [predict_partition(validation, method.models) for validation in repeated.validations]
    observed, groups, folds = problem.scored, problem.scored_groups, repeated.n_folds
    means = {name: repeated.stack(outs, name) for name in method.models}
    rows: list[dict[str, Any]] = []
    for name, said in means.items():
        first, second = (np.abs(means[other] - observed) for other in (baseline, name))
        gain = compute_paired_difference(first, second, groups, bootstraps, seed, folds)
        scores = compute_scores(observed, said, groups, bootstraps, seed, folds)
        verdict = "" if name == baseline else decide_gain(gain["lower"], gain["upper"])
        named = {"gain": gain["difference"], "gain_lower": gain["lower"], "gain_upper": gain["upper"]}
        rows.append({"model": name, **scores, **named, "verdict": verdict})
    predictions = [
        pd.DataFrame(
            {"partition": number, "line": problem.lines, "group": map(str, groups), "observed": observed}
        ).assign(**{name: said[number - 1] for name, said in means.items()})
        for number in range(1, len(outs) + 1)
    ]
    return ModelScores(pd.DataFrame(rows), pd.concat(predictions, ignore_index=True))
