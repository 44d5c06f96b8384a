"""The table of a study: read, checked, and written with an account of every row."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi import registry
from batterymi.config.parts import Descriptor, Feature, Objective, Simplex
from batterymi.config.sources import Table
from batterymi.data.loaders.base import Rows
from batterymi.data.read_csv import read_csv
from batterymi.errors import TableError
from batterymi.files import read_frame, sha256, write_json, write_parquet
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.splits import ASKED, CHECKED, FAILED, PENDING, SPLIT, TRAIN

if TYPE_CHECKING:
    import pandera.pandas as pandera

logger = logging.getLogger(__name__)

EMPTY = ("", "nan", "na", "n/a", "none", "null", "<na>")
WORDS = {"pending": PENDING, "planned": PENDING, "running": PENDING, "failed": FAILED, "fail": FAILED}
MAX_LISTED = 20


def prepare_table(
    source: str,
    table_path: str,
    report_path: str,
    *,
    table: dict[str, Any],
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    descriptors: list[dict[str, Any]] | None = None,
    dataset: dict[str, Any] | None = None,
) -> None:
    """Check a study's rows and write them, with a report of what was left out and why.

    Args:
        source: the CSV file, the Parquet file that `sample_table` made, or the folder of a data set.
        table_path: Parquet file to write.
        report_path: JSON file to write: source, digest, rows in and out, each drop with its reason.
        table: settings of the table.
        features: settings of the feature columns.
        objectives: settings of the objective columns.
        simplex: settings of the fractions that add up to 1, or None.
        descriptors: settings of the features that are computed from columns.
        dataset: the data set's entry in the catalogue, for the report.

    Raises:
        TableError: if the table cannot be used; the message lists every row and column at fault.
    """
    settings = Table(**table)
    columns = [Feature(**feature) for feature in features]
    targets = [Objective(**objective) for objective in objectives]
    computed = [Descriptor(**descriptor) for descriptor in descriptors or []]
    loaded = read_rows(source, settings)
    rows, dropped = check_rows(
        loaded.frame, source, settings, columns, targets, Simplex(**simplex) if simplex else None, computed
    )
    dropped = sorted([*loaded.dropped, *dropped], key=lambda fault: fault["line"])
    report = {
        "source": source,
        "sha256": _digests(source, dataset),
        "dataset": dataset,
        "rows_in": loaded.n_in,
        "rows_out": len(rows),
        "rows_to_learn_from": int((rows[SPLIT] == TRAIN).sum()),
        "rows_by_split": {str(name): int(n) for name, n in rows[SPLIT].value_counts().sort_index().items()},
        "dropped": dropped,
        "columns": {c.name: {"label": c.label, "unit": c.unit} for c in [*columns, *targets]},
    }
    write_parquet(table_path, rows)
    write_json(report_path, report)
    logger.info("%s: %d rows in, %d out, %d dropped", source, loaded.n_in, len(rows), len(dropped))


def check_rows(
    raw: pd.DataFrame,
    source: str,
    table: Table,
    features: Sequence[Feature],
    objectives: Sequence[Objective],
    simplex: Simplex | None,
    descriptors: Sequence[Descriptor] = (),
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Check every row against the declared columns.

    Args:
        raw: cells as read; the index holds line numbers.
        source: what messages call the file.
        table: settings of the table.
        features: the feature columns.
        objectives: the objective columns.
        simplex: fractions that add up to 1, or None.
        descriptors: features computed from columns, which must be there.

    Returns:
        The rows that are right, numbers as float64, and one entry per dropped row: line, column, found, reason.

    Raises:
        TableError: for a missing column, for bad rows unless `bad_rows` is `drop`, and for a table from
            which nothing can be learned (fewer than two rows, a constant objective).
    """
    numbers = [c for c in [*features, *objectives] if not getattr(c, "is_category", False)]
    names = [column.name for column in [*features, *objectives]]
    inputs = sorted({column for descriptor in descriptors for column in descriptor.columns.values()})
    _check_columns(raw, source, table, [*names, *inputs])
    rows = raw.copy()
    if SPLIT not in rows:
        rows[SPLIT] = _splits(rows, table, objectives)
    learning, asked = rows[SPLIT].isin(CHECKED), rows[SPLIT].isin(ASKED)
    outcomes = [objective.name for objective in objectives]
    rows.loc[asked, outcomes] = ""
    faults: list[dict[str, Any]] = []
    for column in numbers:
        needed = learning if column.name in outcomes else learning | asked
        rows[column.name], found = _numbers(rows[column.name], column.name, needed)
        faults += found
    bad = sorted({fault["line"] for fault in faults})
    wordless, waiting = rows[learning].drop(index=bad, errors="ignore"), rows[asked].drop(index=bad, errors="ignore")
    faults += _outside_schema(wordless, features, objectives, simplex)
    faults += _outside_schema(waiting, features, (), simplex) if len(waiting) else []
    faults += _duplicates(wordless, list(dict.fromkeys([*names, *inputs])))
    faults.sort(key=lambda fault: fault["line"])
    if faults and table.bad_rows == "stop":
        raise TableError(_listing(source, faults))
    rows = rows.drop(index=sorted({fault["line"] for fault in faults}))
    _check_learnable(rows[rows[SPLIT] == TRAIN], source, objectives, len(raw) - len(rows))
    rows.index.name = "line"
    return rows.reset_index(), faults


def _splits(rows: pd.DataFrame, table: Table, objectives: Sequence[Objective]) -> pd.Series:
    """Which rows have a result, and which are designs without one: under way, or failed."""
    splits = pd.Series(TRAIN, index=rows.index)
    for objective in objectives:
        words = rows[objective.name].astype(str).str.strip().str.lower()
        splits = splits.where(splits != TRAIN, words.map(WORDS).fillna(TRAIN))
        if table.empty == PENDING:
            splits = splits.where((splits != TRAIN) | ~words.isin(EMPTY), PENDING)
    return splits


def read_rows(source: str, table: Table) -> Rows:
    """Rows of a CSV file, of the Parquet file of a sampled table, or of a data set.

    Args:
        source: the file, or the folder of the data set.
        table: settings of the table.

    Returns:
        The rows before any check, and what a loader left out.

    Raises:
        TableError: if the source cannot be read.
    """
    if table.dataset is not None:
        rows: Rows = registry.look_up("loader", table.dataset.name)(Path(source), table.dataset)
        return rows
    if Path(source).suffix == ".parquet":
        frame = read_frame(source)
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    else:
        frame = _renamed(read_csv(source), source, table.columns)
    return Rows(frame, len(frame))


def _renamed(frame: pd.DataFrame, source: str, names: dict[str, str]) -> pd.DataFrame:
    """The table under the names that its study gives to headers."""
    for header in names:
        if header not in frame.columns:
            raise TableError(
                f"{source}: table.columns: the header lacks '{header}'; {did_you_mean(header, frame.columns)}"
            )
    renamed = frame.rename(columns=names)
    twice = renamed.columns[renamed.columns.duplicated()]
    if len(twice):
        raise TableError(f"{source}: table.columns: two columns are called '{twice[0]}'")
    return renamed


def _digests(source: str, dataset: dict[str, Any] | None) -> str | dict[str, str]:
    """Digest of the source, or of each file of a data set."""
    if dataset is None:
        return sha256(source)
    return {name: sha256(Path(source) / name) for name in dataset["files"]}


def _check_columns(raw: pd.DataFrame, source: str, table: Table, wanted: list[str]) -> None:
    """Refuse a table that lacks a declared column, naming all that are missing."""
    extra = (
        *(table.id_column, table.formula_column, table.ions_column, table.repeats, table.censored),
        *table.group_columns,
        *table.compared_columns,
    )
    missing = [name for name in [*wanted, *filter(None, extra)] if name not in raw.columns]
    if missing:
        hints = "; ".join(f"'{name}' ({did_you_mean(name, raw.columns)})" for name in missing)
        raise TableError(f"{source}: the header lacks {hints}")


def _numbers(cells: pd.Series, name: str, learning: pd.Series) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Turn cells into numbers, and list those that are empty, words or not finite."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    empty = cells.isna() | cells.astype(str).str.strip().str.lower().isin(EMPTY)
    infinite = pd.Series(np.isinf(numbers), index=cells.index)
    reasons = [
        (empty & learning, "no value; every row needs a number here"),
        (numbers.isna() & ~empty, "not a number"),
        (infinite, "not finite"),
    ]
    return numbers, [
        _fault(line, name, cells.loc[line], reason) for bad, reason in reasons for line in cells.index[bad]
    ]


def _outside_schema(
    rows: pd.DataFrame,
    features: Sequence[Feature],
    objectives: Sequence[Objective],
    simplex: Simplex | None,
) -> list[dict[str, Any]]:
    """List values outside their valid range, unknown choices, and fractions that do not add up to 1."""
    from pandera.errors import SchemaErrors

    schema = table_schema(features, objectives, simplex)
    try:
        schema.validate(rows, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.drop_duplicates(["index", "check"])
        totals: Any = rows[list(simplex.features)].sum(axis=1) if simplex else {}
        return [
            _fault(
                case["index"],
                case["column"] if case["schema_context"] == "Column" else "(row)",
                case["failure_case"] if case["schema_context"] == "Column" else f"{totals[case['index']]:.6g}",
                str(case["check"]),
            )
            for case in cases.to_dict("records")
        ]
    return []


def table_schema(
    features: Sequence[Feature], objectives: Sequence[Objective], simplex: Simplex | None
) -> "pandera.DataFrameSchema":
    """The pandera schema of a table: what each declared column may hold.

    Args:
        features: the feature columns.
        objectives: the objective columns.
        simplex: fractions that add up to 1, or None.

    Returns:
        A schema whose checks carry the sentence that a user reads.
    """
    import pandera.pandas as pandera

    columns = {}
    for column in (*features, *objectives):
        checks = []
        choices = getattr(column, "choices", None)
        if choices:
            text = f"not a choice; choices: {', '.join(choices)}"
            checks.append(pandera.Check.isin(choices, error=text))
        if column.valid:
            low, high = column.valid
            unit = "" if column.unit == "1" else f" {column.unit}"
            text = f"outside the possible range {low:g} to {high:g}{unit}"
            checks.append(pandera.Check.in_range(low, high, error=text))
        columns[column.name] = pandera.Column(None if choices else float, checks)
    whole = []
    if simplex is not None:
        parts, tolerance = list(simplex.features), simplex.tolerance
        text = f"{' + '.join(parts)} must add up to 1 (within {tolerance:g})"
        whole.append(pandera.Check(lambda frame: (frame[parts].sum(axis=1) - 1).abs() <= tolerance, error=text))
    return pandera.DataFrameSchema(columns, checks=whole)


def _duplicates(rows: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """List rows that repeat an earlier one; a copy in train and test would leak its answer."""
    first: dict[tuple[Any, ...], Any] = {}
    faults = []
    for line, *cells in rows[names].itertuples(name=None):
        original = first.setdefault(tuple(cells), line)
        if original != line:
            faults.append(_fault(line, "(row)", f"a copy of line {original}", "duplicate row"))
    return faults


def _check_learnable(rows: pd.DataFrame, source: str, objectives: Sequence[Objective], n_dropped: int) -> None:
    """Refuse a table from which nothing can be learned."""
    after = f" after {n_dropped} were dropped" if n_dropped else ""
    if len(rows) < 3:
        raise TableError(
            f"{source}: {len(rows)} row{'' if len(rows) == 1 else 's'}{after}; cross-validation needs at least 3"
        )
    for objective in objectives:
        values = rows[objective.name]
        if objective.goal != "report" and values.nunique() == 1:
            raise TableError(
                f"{source}: column '{objective.name}' is {values.iloc[0]:g} in every row; "
                "there is nothing to learn from a constant objective"
            )


def _fault(line: Any, column: str, found: Any, reason: str) -> dict[str, Any]:
    """One entry of the list of faults."""
    return {"line": int(line), "column": column, "found": str(found), "reason": reason}


def _listing(source: str, faults: list[dict[str, Any]]) -> str:
    """All faults of a table as lines of text."""
    lines = [
        f"{source}: line {fault['line']}: {fault['column']}: found '{fault['found']}': {fault['reason']}"
        for fault in faults[:MAX_LISTED]
    ]
    if len(faults) > MAX_LISTED:
        lines.append(f"... and {len(faults) - MAX_LISTED} more")
    lines.append("nothing was written; mend the file, or set table.bad_rows to 'drop' to go on without those rows")
    return "\n".join(lines)
