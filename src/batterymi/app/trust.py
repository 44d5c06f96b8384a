"""How far the models of a study can be trusted, whether they are of its present table, and the best row so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.data.formula_columns import list_formula_columns
from batterymi.data.table import CheckedTable
from batterymi.files import read_json
from batterymi.notebook.compute import Work
from batterymi.notebook.fit import read_fit
from batterymi.notebook.tell import Table
from batterymi.optimise.campaigns.changes import State
from batterymi.optimise.campaigns.ledger_lines import Batch as LedgerBatch
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import name_bound_column
from batterymi.vocabulary.splits import SPLIT, TRAIN

DIGITS = 8  # of numbers that are compared
MOST_SETTINGS = 6


@dataclass(frozen=True)
class Trust:
    """How far the models can be trusted.

    Attributes:
        verdict: in words.
        scores: of the selected models, a row for each objective.
        sentences: by subject.
        older: what has changed since the models were fitted; empty if they are of the present table.
    """

    verdict: str
    scores: list[dict[str, str]]
    sentences: dict[str, str]
    older: str


def read_trust(work: Work, checked: CheckedTable, results: StudyResults, folder: Path) -> Trust:
    """Return how far the models of a study can be trusted.

    Args:
        work: the study.
        checked: its table as it is now.
        results: what its stages wrote.
        folder: of the project.

    Raises:
        BatteryMIError: if a file is damaged.
    """
    fit = read_fit(work, [], folder)
    return Trust(
        fit.verdict,
        [_describe_scores(row, work) for row in fit.scores.to_dict("records")],
        {subject.replace("_", " "): text for subject, text in fit.trust.items()},
        _find_age(work, checked, results),
    )


def _describe_scores(row: dict[Any, Any], work: Work) -> dict[str, str]:
    """Return the scores of the selected model of an objective, as texts."""
    objective = next((o for o in work.study.objectives if o.name == row["objective"]), None)
    # the unit of the time, whatever the settings say by now
    unit = "" if row["unit"] == "1" else f" {row['unit']}"

    def show(name: str, unit: str = "") -> str:
        ends = [row.get(f"{name}_{end}") for end in ("lower", "upper")]
        interval = f" [{ends[0]:.2g}, {ends[1]:.2g}]" if all(pd.notna(end) for end in ends) else ""
        return f"{row[name]:.2g}{interval}{unit}"

    return {
        "objective": objective.label if objective else str(row["objective"]),
        "model": str(row["model"]).replace("_", " "),
        "error": show("mae", unit),
        "q2": show("q2"),
        "verdict": str(row["verdict"]),
    }


def _find_age(work: Work, checked: CheckedTable, results: StudyResults) -> str:
    """Say how the table has changed since the models were fitted; nothing if it has not."""
    names = [*_name_settings(work, checked.rows), *(objective.name for objective in work.study.objectives)]
    table, models = work.place.folder / "table.json", work.place.folder / "surrogate.key.json"
    # the record of models is written when they are done, after that of the rows that they are fitted to
    if not models.is_file() or models.stat().st_mtime_ns < table.stat().st_mtime_ns:
        n_rows = int(results.metrics["rows"].max())
        return f"they were fitted to an older table, with {n_rows} rows, and the fit to a newer one is not done"
    described = read_json(table, ["columns"])["columns"]
    columns = {column.name: column.unit for column in (*work.study.features, *work.study.objectives)}
    changed = [name for name, unit in columns.items() if described.get(name, {}).get("unit", unit) != unit]
    if changed or not set(names) <= set(results.table):
        return f"they were fitted with other settings of {', '.join(changed) or 'the columns'}"
    return _count_changes(_list_rows(results.table, names), _list_rows(checked.rows, names))


def _name_settings(work: Work, rows: pd.DataFrame) -> list[str]:
    """Return the columns that say what was made: features, and formulas that descriptors are computed of."""
    study = work.study
    formulas = list_formula_columns(study.descriptors, study.table.formula_column)
    return [*(name for name in formulas if name in rows), *(feature.name for feature in study.features)]


def _list_rows(rows: pd.DataFrame, names: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """Return the rows that models learn from, wherever they are in the table, and how often each is there."""
    learned = rows.loc[rows[SPLIT] == TRAIN, list(names)]
    return Counter(tuple(map(_round, row)) for row in learned.itertuples(index=False, name=None))


def _round(cell: Any) -> Any:
    """Return a cell that is equal to what was written and read again."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return None
    return f"{cell:.{DIGITS}g}" if isinstance(cell, float | int) else str(cell)


def _count_changes(before: Counter[tuple[Any, ...]], after: Counter[tuple[Any, ...]]) -> str:
    """Say how many rows are new or changed, and how many are gone; nothing if all are the same."""
    n_new, n_gone = (after - before).total(), (before - after).total()
    if not (n_new or n_gone):
        return ""
    said = [f"{n_new} row{' is' if n_new == 1 else 's are'} new or changed since"] if n_new else []
    # a changed row is another one now, and the old one is gone
    if n_gone > n_new or not n_new:
        said.append(f"{n_gone - n_new if n_new else n_gone} gone")
    return "the table is another one by now: " + ", ".join(said)


def find_batch_age(work: Work, batch: LedgerBatch, state: Table) -> str:
    """Say how the rows with results have changed since a batch was made; nothing if they have not.

    Args:
        work: the study.
        batch: of the ledger.
        state: the table as it is now.
    """
    features, study, rows = state.space.features, work.study, state.checked.rows
    now = State(rows, features, study.objectives, study.constraints, study.id_column)
    kept, present = batch.results, now.list_results()
    units = {column.name: column.unit for column in (*features, *study.objectives)}
    if any((batch.units or {}).get(name, unit) != unit for name, unit in units.items()):
        return "it was made with other units than the settings have now"
    if not kept or not present or (kept["features"], kept["outcomes"]) != (present["features"], present["outcomes"]):
        n_new = len(rows) - batch.n_rows
        return f"the table has {abs(n_new)} rows {'more' if n_new > 0 else 'less'} by now" if n_new else ""
    before, after = (
        Counter(tuple(map(_round, [*row[1], *row[2]])) for row in found["rows"]) for found in (kept, present)
    )
    return _count_changes(before, after)


def describe_best_rows(work: Work, rows: pd.DataFrame) -> list[str]:
    """Return a line for each objective that is optimised: its best result so far, and the row that has it.

    Rows that break a limit, and results that are limits themselves, do not count.
    """
    study = work.study
    measured = rows[rows[SPLIT] == TRAIN]
    keeps = pd.Series(True, index=measured.index)
    for limit in (limit for objective in study.objectives for limit in objective.limits):
        values = measured[limit.objective]
        keeps &= values.isna() | (limit.sign * (values - limit.value) <= 0)
    found = []
    for objective in (o for o in study.objectives if o.is_optimised):
        sides = measured.get(name_bound_column(objective.name), pd.Series(0.0, index=measured.index))
        values = measured.loc[keeps & (sides.fillna(0) == 0), objective.name].dropna()
        if values.empty:
            found.append(f"{objective.label}: no row keeps all limits so far")
            continue
        cost = objective.compute_cost(values.to_numpy(float))
        row = measured.loc[values.index[int(np.argmin(cost))]]
        found.append(
            f"{objective.label} {_show(row[objective.name], objective)}{objective.target_note}, line "
            f"{int(row['line'])} ({_describe_settings(row, work)})"
        )
    return found


def _show(value: float, column: Objective | Any) -> str:
    """Return a number with its unit."""
    return f"{value:.6g}{'' if column.unit == '1' else f' {column.unit}'}"


def _describe_settings(row: pd.Series, work: Work) -> str:
    """Return the settings of a row, as `Temperature 740 °C, Gas air`."""
    features = {feature.name: feature for feature in work.study.features}
    parts = []
    for name in _name_settings(work, row.to_frame().T):
        feature = features.get(name)
        if name not in row or pd.isna(row[name]):
            continue
        if feature is None:
            parts.append(str(row[name]))
        else:
            text = str(row[name]) if feature.is_category else _show(float(row[name]), feature)
            parts.append(f"{feature.label} {text}")
    more = f" and {len(parts) - MOST_SETTINGS} more" if len(parts) > MOST_SETTINGS else ""
    return ", ".join(parts[:MOST_SETTINGS]) + more or "no settings"
