"""The stage `compare_transfer`: whether rows of related tasks help, and up to how many own rows."""

from pathlib import Path

import pandas as pd

from batterymi.config.slices.transfer import TransferSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.partitions import repeat_validation
from batterymi.surrogates.problem import Inputs, make_problem
from batterymi.surrogates.transfer import compare_strategies
from batterymi.vocabulary.splits import CHECKED, SPLIT


def compare_transfer(table: Path, predictions: Path, result: Path, settings: TransferSettings) -> None:
    """Compare strategies of transfer by the same grouped folds, and over the number of own rows.

    Args:
        table: the study's table, with rows of related tasks.
        predictions: Parquet to write: held-out predictions of every strategy.
        result: JSON to write: scores, gains over own rows only, learning curves, verdict.
        settings: what models learn from, and what is compared; the first objective is transferred.
    """
    target, seed = settings.objectives[0], settings.seed
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    computed = compute_descriptors(rows, settings.descriptors)
    inputs = Inputs(settings.features, settings.descriptors)
    problem = make_problem(rows, computed, "transfer", inputs, target, settings.table)
    chosen = settings.surrogate
    # strategies tune nothing, so no inner folds
    plain = chosen.model_copy(update={"inner_folds": None, "censoring": "bound"})
    validation = repeat_validation(problem, plain, chosen.bootstraps, seed, chosen.n_partitions)
    # the problem puts scored rows first, so ions are aligned by line
    ions = rows.set_index("line")["ion"].reindex(problem.lines).to_numpy()
    found = compare_strategies(validation, ions, settings.transfer, chosen.folds)
    write_json(result, found.report)
    rows_of_partition = {
        "line": problem.lines[: problem.n_scored],
        "group": [str(group) for group in problem.scored_groups],
        "observed": problem.scored,
    }
    frames = [
        pd.DataFrame({"partition": number + 1, **rows_of_partition}).assign(
            **{name: predicted[number] for name, predicted in found.predictions.items()}
        )
        for number in range(len(validation.validations))
    ]
    write_parquet(predictions, pd.concat(frames, ignore_index=True))
