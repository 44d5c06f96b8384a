"""The stage `compare_transfer`: whether rows of related tasks help, and up to how many own rows."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.slices.transfer import TransferSettings
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.look_up import look_up_voltages
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.statistics.scores import compute_scores
from batterymi.surrogates.partitions import RepeatedValidation, repeat_validation
from batterymi.surrogates.problem import Inputs, make_problem
from batterymi.surrogates.transfer import compare_strategies, find_network_features
from batterymi.vocabulary.splits import CHECKED, SPLIT

FEWEST_GROUPS = 3
LOOKED_UP = (
    "no model: voltages from both formation energies in the Materials Project's table, which a new material lacks"
)


def compare_transfer(
    table: Path,
    predictions: Path,
    result: Path,
    settings: TransferSettings,
    compositions: Path | None = None,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Compare strategies of transfer by the same grouped folds, and over the number of own rows.

    Args:
        table: the study's table, with rows of related tasks.
        predictions: Parquet to write: held-out predictions of every strategy.
        result: JSON to write: scores, gains over own rows only, learning curves, verdict.
        settings: what models learn from, and what is compared; the first objective is transferred.
        compositions: receipt of the data set with formation energies, if rows are electrodes, whose voltages can be
            looked up in it.
        digests: of its files when the run began.
    """
    target, seed = settings.objectives[0], settings.seed
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    computed = compute_descriptors(rows, settings.descriptors)
    whole = Inputs(settings.features, settings.descriptors)
    network = find_network_features(settings.descriptors)
    problem, described = (
        make_problem(rows, computed, "transfer", inputs, target, settings.table)
        for inputs in (whole.drop(network), whole)
    )
    chosen = settings.surrogate
    # strategies tune nothing, so no inner folds
    plain = chosen.model_copy(update={"inner_folds": None, "censoring": "bound"})
    validation = repeat_validation(problem, plain, chosen.bootstraps, seed, chosen.n_partitions)
    # the problem puts scored rows first, so ions are aligned by line
    ions = rows.set_index("line")["ion"].reindex(problem.lines).to_numpy()
    found = compare_strategies(validation, ions, settings.transfer, chosen.folds, described if network else None)
    report = found.report | {"look_up": None}
    if compositions:
        with hold_unchanged([*digests]) as held:
            refuse_changes(held, digests)
            own = rows.set_index("line").loc[problem.lines[: problem.n_scored]]
            voltages = look_up_voltages(compositions.parent, own)
        report |= {"look_up": _score_look_up(voltages, validation)}
    write_json(result, report)
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


def _score_look_up(voltages: Array, validation: RepeatedValidation) -> dict[str, Any] | None:
    """Return the scores of looked-up voltages, which no verdict may rest on; None if next to none is there."""
    problem, first = validation.problem, validation.first
    known = np.flatnonzero(np.isfinite(voltages))
    groups = [problem.groups[row] for row in known.tolist()]
    if len(set(map(str, groups))) < FEWEST_GROUPS:
        return None
    scores = compute_scores(problem.scored[known], voltages[known], groups, first.bootstraps, first.seed)
    median = float(np.median(np.abs(problem.scored[known] - voltages[known])))
    return {**scores, "median_error": median, "how": LOOKED_UP, "objection": LOOKED_UP, "is_declared": False}
