"""The stage `validate_partition`: held-out predictions of every model by one partition into folds."""

from pathlib import Path

import pandas as pd

from batterymi.config.slices.training import PartitionSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.partitions import export_partition, list_tasks, make_validation, predict_partition
from batterymi.vocabulary.splits import CHECKED, SPLIT

NO_RESAMPLES = 1  # predictions need none; the job that gathers them makes intervals


def validate_partition(
    table: Path, predictions: Path, choices: Path, partition: str, settings: PartitionSettings
) -> None:
    """Cross-validate every model on every objective and variant by one partition.

    Args:
        table: the study's table.
        predictions: Parquet to write: mean, spread and factors of intervals of every held-out row.
        choices: JSON to write: hyperparameters and inner errors of every fold.
        partition: its number, from 1; different numbers give different folds.
        settings: what models learn from, and which are compared.
    """
    needed = [*(column.name for column in (*settings.features, *settings.objectives)), SPLIT]
    rows = read_frame(table, needs=needed)
    # reference rows and designs without a result are never learned from
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    frames, chosen = [], []
    for task in list_tasks(rows, compute_descriptors(rows, settings.descriptors), settings):
        parts = task.problem, task.settings, NO_RESAMPLES, settings.seed, int(partition), task.is_primary
        validation = make_validation(*parts)
        frame, choice = export_partition(task, predict_partition(validation, task.settings.models))
        frames.append(frame)
        chosen += choice
    write_parquet(predictions, pd.concat(frames, ignore_index=True))
    write_json(choices, {"partition": int(partition), "choices": chosen})
