"""Cross-validation by several random partitions into folds, each of which may be computed by a job of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.models import Ablation, CrossValidated
from batterymi.config.slices.training import PartitionSettings
from batterymi.progress import track
from batterymi.statistics.grouped import Estimate, Statistic
from batterymi.statistics.intervals import LEVELS
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.validation import (
    CrossValidation,
    InnerUse,
    OutOfFold,
    make_method,
    make_splits,
    predict_out_of_fold,
)

Outs = dict[str, OutOfFold]  # held-out predictions of every model in one partition, by name
FACTORS = {level: f"factor_{100 * level:.0f}" for level in LEVELS}
LABELS = ["variant", "objective", "model"]
RESTORED = [*LABELS, "line", "mean", "spread"]  # columns of what a partition's job writes


@dataclass(frozen=True)
class RepeatedValidation:
    """Cross-validations of one problem that differ in the partition into folds alone.

    Attributes:
        validations: one per partition. The first holds every inner fold out and so has conformal intervals; the others
            hold out one, to choose hyperparameters and models by.
    """

    validations: tuple[CrossValidation, ...]

    @property
    def first(self) -> CrossValidation:
        """Return the first of them, on which intervals, distances and importances are measured."""
        return self.validations[0]

    @property
    def problem(self) -> Problem:
        """Return what is learned."""
        return self.first.problem

    @property
    def n_folds(self) -> int:
        """Return the folds of each partition."""
        return len(self.first.splits)

    def estimate(self, statistic: Statistic, *values: Array) -> Estimate:
        """Return a score, averaged over the partitions, with its interval; see `statistics.grouped.estimate`."""
        return self.first.estimate(statistic, *values)

    def stack(self, outs: Sequence[Outs], name: str) -> Array:
        """Return the held-out predictions of a model, shape (n_partitions, n_scored)."""
        return np.stack([out[name].mean for out in outs])


def repeat_validation(
    problem: Problem, settings: CrossValidated, bootstraps: int, seed: int, n: int, is_primary: bool = True
) -> RepeatedValidation:
    """Return the cross-validations of a problem by its first n partitions; of those that are the same, only one.

    Args:
        problem: what is learned.
        settings: how models are compared.
        bootstraps: resamples behind intervals.
        seed: the study's seed.
        n: partitions.
        is_primary: whether the study's decisions rest on it; other variants have no conformal intervals.
    """
    found = [make_validation(problem, settings, bootstraps, seed, part, is_primary) for part in range(1, n + 1)]
    # with as many folds as groups, every partition is the same
    is_alike = len(found[0].splits) == len(set(map(str, problem.scored_groups)))
    return RepeatedValidation(tuple(found[:1] if is_alike else found))


def make_validation(
    problem: Problem, settings: CrossValidated, bootstraps: int, seed: int, partition: int, is_primary: bool = True
) -> CrossValidation:
    """Return the cross-validation of a problem by one of its partitions, from 1; see `repeat_validation`."""
    splits = make_splits(settings.folds, problem.groups, seed, problem.n_scored, partition)
    use: InnerUse = "settings" if not is_primary else "intervals" if partition == 1 else "models"
    method = replace(make_method(settings), inner_use=use)
    return CrossValidation(problem, splits, method, bootstraps, seed)


@dataclass(frozen=True)
class Task:
    """One objective to learn from one variant's inputs.

    Attributes:
        problem: what is learned.
        settings: how models are compared; an ablation may have fewer models.
        ablation: settings of the variant; None of all features.
        is_primary: whether decisions rest on the variant.
    """

    problem: Problem
    settings: CrossValidated
    ablation: Ablation | None
    is_primary: bool

    @property
    def key(self) -> tuple[str, str]:
        """Return the names of variant and objective."""
        return self.problem.variant, self.problem.objective.name


def list_tasks(rows: pd.DataFrame, computed: Mapping[str, pd.DataFrame], settings: PartitionSettings) -> Iterator[Task]:
    """Yield every objective in every variant of a study.

    Args:
        rows: the table.
        computed: descriptors of its rows, of which those of each variant are a part.
        settings: what models learn from, and which are compared.
    """
    variants: dict[str, Ablation | None] = {"all_features": None}
    variants |= {ablation.name: ablation for ablation in settings.ablations}
    for (variant, ablation), objective in product(variants.items(), settings.objectives):
        inputs = Inputs(settings.features, settings.descriptors).drop(ablation.drop if ablation else ())
        problem = make_problem(rows, computed, variant, inputs, objective, settings.table, ablation)
        compared = settings.surrogate
        if ablation is not None and ablation.models is not None:
            compared = compared.model_copy(update={"models": ablation.models})
        yield Task(problem, compared, ablation, variant == settings.primary_variant)


def predict_partition(validation: CrossValidation, models: Sequence[str]) -> Outs:
    """Return held-out predictions of every model in one partition."""
    return {name: predict_out_of_fold(name, validation) for name in track(models, "models", len(models))}


def export_partition(task: Task, outs: Outs) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Return held-out predictions as rows of a table, and what was chosen in each fold, for `restore_partition`."""
    frames, choices = [], []
    labels = dict(zip(LABELS, task.key, strict=False))
    lines = task.problem.lines[: task.problem.n_scored]
    for name, out in outs.items():
        columns: dict[str, Any] = {"model": name, "line": lines, "mean": out.mean, "spread": out.spread}
        columns |= {FACTORS[level]: values for level, values in out.factors.items()}
        frames.append(pd.DataFrame(labels | columns))
        choices.append({**labels, "model": name, "chosen": list(out.chosen), "inner_errors": list(out.inner_errors)})
    return pd.concat(frames, ignore_index=True), choices


def restore_partition(task: Task, frame: pd.DataFrame, choices: Sequence[Mapping[str, Any]]) -> Outs:
    """Return held-out predictions of one task from what `export_partition` made of all.

    Raises:
        ValueError: if they are of other models or rows.
    """
    wanted = dict(zip(LABELS, task.key, strict=False))
    own = {c["model"]: c for c in choices if all(c[label] == value for label, value in wanted.items())}
    lines = task.problem.lines[: task.problem.n_scored]
    mine = frame[(frame["variant"] == wanted["variant"]) & (frame["objective"] == wanted["objective"])]
    outs: Outs = {}
    for name in task.settings.models:
        part = mine[mine["model"] == name]
        if name not in own or part["line"].tolist() != lines.tolist():
            raise ValueError(f"no held-out predictions of {name} for these rows")
        factors = {level: part[column].to_numpy(float) for level, column in FACTORS.items() if column in part}
        has_factors = all(np.isfinite(values).all() for values in factors.values())
        outs[name] = OutOfFold(
            part["mean"].to_numpy(float),
            part["spread"].to_numpy(float),
            factors if has_factors else {},
            tuple(own[name]["chosen"]),
            tuple(own[name]["inner_errors"]),
        )
    return outs
