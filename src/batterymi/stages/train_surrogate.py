"""The stage `train_surrogate`: gather partitions, compare models, state the verdict, refit the best on all rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.slices.training import TrainingSettings
from batterymi.data.external import find_external_rows
from batterymi.errors import TableError
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet, write_text
from batterymi.progress import track
from batterymi.surrogates.card import write_card
from batterymi.surrogates.comparison import Comparison, compare_models, refit_model
from batterymi.surrogates.external import list_external_columns, score_external_test
from batterymi.surrogates.partitions import (
    RESTORED,
    Outs,
    Task,
    list_tasks,
    predict_partition,
    repeat_validation,
    restore_partition,
)
from batterymi.surrogates.problem import make_problem
from batterymi.surrogates.store import StoredModel, save_models
from batterymi.surrogates.validate import validate_model
from batterymi.vocabulary.splits import CHECKED, SPLIT, TEST, TRAIN


@dataclass(frozen=True)
class SurrogateFiles:
    """What the stage writes.

    Attributes:
        metrics: CSV; one row per variant, objective and model.
        predictions: Parquet; out-of-fold predictions of every partition, with intervals at 50, 80 and 95 %.
        importances: CSV; out-of-fold permutation importances of the selected models.
        validation: JSON; leaks, noise, calibration, applicability, learning curve, official and external test.
        model: skops; the selected models, refitted on all rows, those of an official test among them.
        card: Markdown; the model card.
    """

    metrics: Path
    predictions: Path
    importances: Path
    validation: Path
    model: Path
    card: Path


@dataclass(frozen=True)
class PartitionFiles:
    """What jobs of single partitions have written, in their order; None where they are no jobs of their own.

    Attributes:
        predicted: Parquet; held-out predictions.
        choices: JSON; hyperparameters.
    """

    predicted: list[Path] | None = None
    choices: list[Path] | None = None


NO_JOBS = PartitionFiles()


def train_surrogate(
    table: Path,
    report: Path,
    files: SurrogateFiles,
    settings: TrainingSettings,
    partitions: PartitionFiles = NO_JOBS,
    external: Path | None = None,
    processes: int = 1,
) -> None:
    """Compare every model on every objective and variant, and keep the best.

    Args:
        table: the study's table.
        report: report on the table, for its digests.
        files: what to write.
        settings: what models learn from, and which are compared.
        partitions: held-out predictions by jobs of their own; without them they are made here.
        external: receipt of the data set of the external test, if there is one.
        processes: that it may use; jobs of a run have one, since others run beside them.
    """
    needed = [*(column.name for column in (*settings.features, *settings.objectives)), SPLIT]
    # all before any model is fitted, so that a damaged file is found at once
    rows, digests, made = read_frame(table, needs=needed), read_json(report), _read_partitions(partitions)
    # reference rows and designs without a result are never learned from
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    beyond = None
    if settings.external_test and external:
        beyond = find_external_rows(external.parent, settings.external_test, rows, list_external_columns(settings))
    if settings.official_test and not (rows[SPLIT] == TEST).any():
        raise TableError("official_test: the table has no official test split; remove it")
    # once for all variants, whose descriptors are a part of these
    computed = compute_descriptors(rows, settings.descriptors)
    comparisons: list[Comparison] = []
    stored: list[StoredModel] = []
    checks: dict[str, dict[str, Any]] = {}
    for task in list_tasks(rows, computed, settings):
        comparison = _compare(task, settings, made, processes)
        comparisons.append(comparison)
        objective = task.problem.objective
        if task.is_primary and objective.goal != "report":
            checks[objective.name] = validate_model(comparison, rows, computed, settings)
        # after the official test, whose rows the final model learns from too
        stored.append(_refit_on_all_rows(task, comparison, rows, computed, settings))
    if beyond:
        checks[settings.objectives[0].name]["external"] = score_external_test(stored, beyond, settings)
    metrics = pd.concat([comparison.metrics for comparison in comparisons], ignore_index=True)
    write_csv(files.metrics, metrics)
    predictions, importances = zip(*((c.predictions, c.importances) for c in comparisons), strict=True)
    joined = pd.concat(predictions, ignore_index=True)
    if "limit" in joined:
        # outcomes of which every value is known
        joined["limit"] = joined["limit"].fillna("")
    write_parquet(files.predictions, joined)
    write_csv(files.importances, pd.concat(importances, ignore_index=True))
    write_json(files.validation, {"variant": settings.primary_variant, "objectives": checks})
    save_models(files.model, stored)
    variants = {c.validation.problem.variant: c.validation.problem.inputs for c in comparisons}
    write_text(files.card, write_card(settings, metrics, variants, checks, computed, digests))


def _read_partitions(files: PartitionFiles) -> list[tuple[pd.DataFrame, list[Mapping[str, Any]]]]:
    """Return what each job of a partition has written; nothing where there are none."""
    pairs = zip(files.predicted or (), files.choices or (), strict=True)
    return [
        (read_frame(predicted, needs=RESTORED), read_json(choices, needs=["choices"])["choices"])
        for predicted, choices in pairs
    ]


def _compare(
    task: Task,
    settings: TrainingSettings,
    made: Sequence[tuple[pd.DataFrame, list[Mapping[str, Any]]]],
    processes: int,
) -> Comparison:
    """Compare the models of one task, by held-out predictions that other jobs have made, or that are made here.

    Raises:
        TableError: if those jobs had other rows or models.
    """
    chosen = settings.surrogate
    parts = task.problem, task.settings, chosen.bootstraps, settings.seed, chosen.n_partitions, task.is_primary
    validation = repeat_validation(*parts)
    outs: list[Outs]
    if made:
        try:
            outs = [restore_partition(task, *part) for part in made[: len(validation.validations)]]
        except ValueError as error:
            raise TableError(f"the partitions are not of this table: {error}; run validate_partition again") from None
    else:
        each = track(validation.validations, "partitions", len(validation.validations))
        outs = [predict_partition(one, task.settings.models) for one in each]
    return compare_models(validation, outs, chosen, settings.simplex, processes)


def _refit_on_all_rows(
    task: Task,
    comparison: Comparison,
    rows: pd.DataFrame,
    computed: Mapping[str, pd.DataFrame],
    settings: TrainingSettings,
) -> StoredModel:
    """Return the selected model, refitted on the rows of an official test split too, if there is one."""
    is_test = rows[SPLIT] == TEST
    if not is_test.any():
        return comparison.stored
    problem = task.problem
    everything = rows.assign(**{SPLIT: rows[SPLIT].mask(is_test, TRAIN)})
    parts = problem.variant, problem.inputs, problem.objective, settings.table, task.ablation
    all_rows = make_problem(everything, computed, *parts)
    first = comparison.outs[0][comparison.best]
    return refit_model(comparison.best, comparison.validation.first, first, comparison.distance, all_rows)
