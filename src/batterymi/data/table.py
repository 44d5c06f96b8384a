"""The table of a study: read and checked, with an account of every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from batterymi import registry
from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.data import TableSettings
from batterymi.data.conditional import find_applicable
from batterymi.data.formula_columns import ReadCells, list_formula_columns, read_formula_columns
from batterymi.data.header_units import Conversion
from batterymi.data.input_files import hold_unchanged
from batterymi.data.limits import list_limits, read_marks
from batterymi.data.loaded_rows import LoadedRows
from batterymi.data.loaders.base import Rows
from batterymi.data.measured_errors import list_error_columns, read_errors
from batterymi.data.number_columns import read_number_column
from batterymi.data.row_checks import find_unfit_rows
from batterymi.data.row_status import RowStates, find_states
from batterymi.data.schema import NOTHING_WRITTEN, find_outside_schema, list_faults, make_fault
from batterymi.data.structure_columns import list_structure_columns, read_structure_columns
from batterymi.data.user_table import read_user_table
from batterymi.errors import TableError
from batterymi.files import read_frame
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.measured import (
    find_compound_column,
    name_bound_column,
    name_digest_column,
    name_error_column,
    name_missing_column,
)
from batterymi.vocabulary.splits import CHECKED, PENDING, SPLIT, TRAIN, WITHDRAWN, WITHOUT_RESULT

MAX_LISTED = 20  # remarks
MAX_DOUBTS = 3  # odd formulas that are listed in full
MIN_ROWS = 3


@dataclass(frozen=True)
class CheckedTable:
    """The rows of a study that are right, with an account of the others.

    Attributes:
        rows: numbers as float64, one row for each that is right.
        n_in: rows before any check.
        dropped: one entry per row that was left out: line, column, found, reason.
        conversions: columns that the file has in another unit.
        digests: SHA-256 of each file that was read, of the very content that the rows are from.
        unused: one entry per withdrawn row, and per result of a failed one, in the same form as `dropped`.
        remarks: sentences on what was taken for what, and on results that are missing.
        formulas: how cells of formulas were understood, and which are odd.
    """

    rows: pd.DataFrame
    n_in: int
    dropped: list[dict[str, Any]]
    conversions: list[Conversion]
    digests: dict[str, str]
    unused: list[dict[str, Any]]
    remarks: list[str]
    formulas: ReadCells

    @property
    def n_dropped(self) -> int:
        """Return how many rows were left out; one may have several faults."""
        return len({fault["line"] for fault in self.dropped})

    def list_notes(self) -> list[str]:
        """Return lines on all rows that were left out, results that are not used, and what was taken for what."""
        source = next(iter(self.digests), "")
        remarks = [f"{source}: {remark}" for remark in self.remarks[:MAX_LISTED]]
        if len(self.remarks) > MAX_LISTED:
            remarks.append(f"... and {len(self.remarks) - MAX_LISTED} more remarks")
        lines = [*list_faults(source, self.dropped), *list_faults(source, self.unused)]
        return [*lines, *list_faults(source, self.formulas.doubts, MAX_DOUBTS), *remarks]


class CheckedRows(NamedTuple):
    """Rows after all checks.

    Attributes:
        rows: those that are right.
        faults: one entry per fault of the others: line, column, found, reason.
        unused: see `CheckedTable`.
        remarks: see `CheckedTable`.
    """

    rows: pd.DataFrame
    faults: list[dict[str, Any]]
    unused: list[dict[str, Any]]
    remarks: list[str]


def load_table(settings: TableSettings) -> CheckedTable:
    """Read the rows of a study and check each.

    Raises:
        TableError: if the table cannot be used; the message lists every row and column at fault.
    """
    loaded = _read_rows(settings)
    # data sets have loaders, which know how their formulas are written
    columns = list_formula_columns(settings.descriptors, settings.table.formula_column) if settings.table.file else []
    formulas = read_formula_columns(loaded.frame, columns)
    files = list_structure_columns(settings.descriptors) if settings.table.file else []
    structures = read_structure_columns(formulas.frame, files, settings.path)
    formulas.doubts.extend(structures.doubts)
    digests = dict(loaded.digests)
    for column in files:
        digests |= dict(zip(structures.frame[column], structures.frame[name_digest_column(column)], strict=True))
    earlier = [*loaded.faults, *formulas.faults, *structures.faults]
    earlier += find_unfit_rows(structures.frame, settings.descriptors, {fault["line"] for fault in earlier})
    checked = check_rows(replace(loaded, frame=structures.frame, faults=earlier), settings)
    dropped = sorted([*loaded.left_out, *checked.faults], key=lambda fault: fault["line"])
    conversions, remarks = list(loaded.conversions.values()), [*loaded.notes, *checked.remarks]
    return CheckedTable(checked.rows, loaded.n_in, dropped, conversions, digests, checked.unused, remarks, formulas)


def check_rows(loaded: LoadedRows, settings: TableSettings) -> CheckedRows:
    """Check every row against the declared columns.

    Args:
        loaded: the rows as read.
        settings: what the columns may hold.

    Returns:
        The rows that are right, numbers as float64, with the faults of the others.

    Raises:
        TableError: for a missing column, for bad rows unless `bad_rows` is `drop`, and for a table from
            which nothing can be learned (fewer than three rows, a constant objective).
    """
    table, objectives, raw = settings.table, settings.objectives, loaded.frame
    columns = (*settings.features, *objectives)
    inputs = sorted({column for descriptor in settings.descriptors for column in descriptor.columns.values()})
    names = list(dict.fromkeys([*(column.name for column in columns), *inputs]))
    _check_columns(loaded, settings, names)
    applicable = find_applicable(raw, settings.features)
    rows, states = applicable.rows, None
    # loaders and `sample_table` set the splits themselves
    if SPLIT not in rows:
        states = find_states(rows, table, objectives)
        rows[SPLIT] = states.splits
        # a word such as "pending" must not be reported as a bad number
        rows[list(states.missing)] = states.results
    learning, without_result = rows[SPLIT].isin(CHECKED), rows[SPLIT].isin(WITHOUT_RESULT)
    outcomes = [objective.name for objective in objectives]
    faults: list[dict[str, Any]] = [*loaded.faults, *applicable.faults, *(states.faults if states else ())]
    notes: list[str] = []
    for column in (column for column in columns if not getattr(column, "is_category", False)):
        name = column.name
        needed = learning if name in outcomes else applicable.needs(name, learning | without_result)
        if states and name in outcomes:
            needed = needed & states.missing[name].eq("")
        read = read_number_column(rows[name], name, needed, column.unit, loaded.conversions.get(name), loaded.decimal)
        if name not in outcomes:
            faults += list_limits(rows[name], name, read.sides)
        rows[name], faults, notes = read.values, faults + read.faults, notes + read.notes
        if name in outcomes and read.errors.notna().any():
            rows[name_error_column(name)] = read.errors
        if name in outcomes and read.sides.any():
            rows[name_bound_column(name)] = read.sides.astype(float)
    if table.file and table.censored:
        rows[table.censored], bad_marks = read_marks(rows[table.censored])
        faults += bad_marks
    errors = read_errors(loaded, rows, objectives)
    rows, faults = rows.assign(**errors.columns), faults + errors.faults
    # what a withdrawn row holds does not matter any more
    withdrawn = set(rows.index[rows[SPLIT] == WITHDRAWN])
    faults = [fault for fault in faults if fault["line"] not in withdrawn]
    # rows with bad cells skip the schema, which would report them twice
    bad = sorted({fault["line"] for fault in faults})
    measured, waiting = (rows[part].drop(index=bad, errors="ignore") for part in (learning, without_result))
    faults += find_outside_schema(measured, settings.features, objectives, settings.simplex)
    faults += find_outside_schema(waiting, settings.features, (), settings.simplex) if len(waiting) else []
    faults += _find_values_without_logarithm(rows.drop(index=bad, errors="ignore"), settings.features)
    # a limit and a value of the same digits are two results
    compared = [find_compound_column(measured.columns, name) for name in names]
    compared += [name for name in map(name_bound_column, outcomes) if name in measured]
    faults += _find_duplicates(measured, compared, table.id_column)
    faults.sort(key=lambda fault: fault["line"])
    # only now, so that one message lists all faults
    if faults and table.bad_rows == "stop":
        advice = f"{NOTHING_WRITTEN}correct the file, or set table.bad_rows to 'drop' to go on without those rows"
        raise TableError("\n".join([*list_faults(settings.path, faults), advice]), faults, settings.path)
    rows = rows.drop(index=sorted({fault["line"] for fault in faults}))
    _check_learnable(rows[rows[SPLIT] == TRAIN], settings.path, objectives, len(raw) - len(rows))
    outside = _describe_rows_outside(rows, settings.features) if table.file else []
    repeats = _describe_equal_rows(rows, compared, settings) if table.file else []
    remarks = [*notes, *errors.remarks, *outside, *repeats]
    unused, remarks = (states.unused, [*states.remarks, *remarks]) if states else ([], remarks)
    if states:
        rows, remarks = _keep_reasons(rows, states), [*remarks, *_count_missing(rows, states)]
    rows.index.name = "line"
    return CheckedRows(rows.reset_index(), faults, unused, remarks)


def _describe_rows_outside(rows: pd.DataFrame, features: Sequence[Feature]) -> list[str]:
    """Say which rows lie outside the search range of a feature, a sentence for each feature."""
    found = []
    for feature in (feature for feature in features if feature.bounds and not feature.is_category):
        low, high = feature.bounds or (0.0, 0.0)
        values = rows[feature.name].astype(float)
        slack = 1e-9 * (high - low)
        beyond = values[(values < low - slack) | (values > high + slack)]
        if len(beyond):
            listed = ", ".join(f"line {line}: {value:g}" for line, value in list(beyond.items())[:MAX_DOUBTS])
            listed += f" and {len(beyond) - MAX_DOUBTS} more" if len(beyond) > MAX_DOUBTS else ""
            unit = "" if feature.unit == "1" else f" {feature.unit}"
            found.append(
                f"{feature.name}: {len(beyond)} of {len(rows)} rows lie outside the bounds {low:g} to {high:g}{unit} "
                f"({listed}): models learn from them, no design goes there; widen the bounds, or correct the value"
            )
    return found


def _keep_reasons(rows: pd.DataFrame, states: RowStates) -> pd.DataFrame:
    """Return rows with the reasons why results of measured ones are missing, where any are."""
    kept = {name_missing_column(name): reasons.loc[rows.index] for name, reasons in states.missing.items()}
    return rows.assign(**{name: reasons for name, reasons in kept.items() if reasons.ne("").any()})


def _count_missing(rows: pd.DataFrame, states: RowStates) -> list[str]:
    """Say of how many measured rows a result is missing, and why; models of it learn from the others."""
    n, lines = int((rows[SPLIT] == TRAIN).sum()), []
    for name, reasons in states.missing.items():
        counts = reasons.loc[rows.index].replace("", None).value_counts().sort_index()
        if len(counts):
            why = ", ".join(f"{count} {reason}" for reason, count in counts.items())
            have = f"{n - counts.sum()} of {n} measured rows have it"
            lines.append(f"{name}: {have}, from which its model learns; others: {why}")
    return lines


def _read_rows(settings: TableSettings) -> LoadedRows:
    """Read the rows of a user's file, of the Parquet file of a sampled table, or of a data set.

    Returns:
        The rows before any check.

    Raises:
        TableError: if the source cannot be read.
    """
    table, path = settings.table, settings.path
    if table.dataset is not None:
        files = settings.dataset.files if settings.dataset else {}
        expected = {f"{path}/{name}": file.sha256 for name, file in files.items()}
        with hold_unchanged(expected) as digests:
            _check_fetched(path, digests, expected)
            loaded: Rows = registry.look_up("loader", table.dataset.name)(Path(path), table.dataset)
            return LoadedRows(loaded.frame, loaded.n_in, {}, digests, left_out=loaded.dropped)
    if table.file is not None:
        columns = (*settings.features, *settings.objectives, *list_error_columns(settings.objectives))
        return read_user_table(path, table, columns, settings.objectives)
    with hold_unchanged([path]) as digests:
        frame = read_frame(path)
    # a Parquet file has no lines, but messages and reports name rows by them
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    return LoadedRows(frame, len(frame), {}, digests)


def _check_fetched(folder: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse files of a data set that are not what was fetched.

    Raises:
        TableError: naming each file that was changed.
    """
    if changed := [path for path, digest in found.items() if digest != expected[path]]:
        raise TableError(
            f"{', '.join(changed)}: changed since it was fetched, its SHA-256 is not that of the catalogue; remove "
            f"{folder}/receipt.json and run again to fetch it, or describe your own table as table.file"
        )


def _check_columns(loaded: LoadedRows, settings: TableSettings, wanted: list[str]) -> None:
    """Refuse a table that lacks a declared column, naming all that are missing."""
    table, source, raw = settings.table, settings.path, loaded.frame
    extra = (
        *(table.id_column, table.formula_column, table.ions_column, table.repeats, table.family, table.censored),
        *(table.status, table.withdrawn),
        *(name for objective in settings.objectives if objective.error for name in objective.error.columns),
        *table.group_columns,
        *table.compared_columns,
    )
    missing = [name for name in [*wanted, *filter(None, extra)] if name not in raw.columns]
    if missing:
        hints = "; ".join(f"'{name}' ({did_you_mean(name, raw.columns)})" for name in missing)
        raise TableError("; ".join([f"{source}: the header lacks {hints}", *([loaded.hint] if loaded.hint else [])]))


def _find_values_without_logarithm(rows: pd.DataFrame, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """List values of features on a logarithmic scale that are not above 0."""
    return [
        make_fault(line, feature.name, rows.loc[line, feature.name], "not above 0, but the feature has scale: log")
        for feature in features
        if feature.is_logarithmic
        for line in rows.index[rows[feature.name].astype(float) <= 0]
    ]


def _find_duplicates(rows: pd.DataFrame, names: list[str], id_column: str | None) -> list[dict[str, Any]]:
    """List rows that repeat an earlier one; a copy in train and test would leak its answer.

    Rows of another name are other samples, and those with other results are replicates, which tell the noise.
    """
    first: dict[tuple[Any, ...], Any] = {}
    faults = []
    columns = rows[list(dict.fromkeys([*([id_column] if id_column else []), *names]))]
    # equal in all columns, gaps included; what follows is only for their lines, and NaN equals nothing
    copies = columns[columns.duplicated(keep=False)]
    for line, *cells in copies.itertuples(name=None):
        original = first.setdefault(tuple(None if cell != cell else cell for cell in cells), line)
        if original != line:
            faults.append(make_fault(line, "(row)", f"a copy of line {original}", "duplicate row"))
    return faults


def _describe_equal_rows(rows: pd.DataFrame, names: list[str], settings: TableSettings) -> list[str]:
    """Say which rows equal an earlier one but for their name, and which wait for the same design."""
    found = []
    features = [feature.name for feature in settings.features]
    kinds = (
        (TRAIN, names, "with the features and results of an earlier row but another name, taken as repeats"),
        (PENDING, features, "waiting for the design of an earlier one, taken as repeats to come"),
    )
    for split, columns, what in kinds:
        part = rows[rows[SPLIT] == split][list(dict.fromkeys(columns))]
        first: dict[tuple[Any, ...], Any] = {}
        pairs = []
        for line, *cells in part[part.duplicated(keep=False)].itertuples(name=None):
            original = first.setdefault(tuple(None if cell != cell else cell for cell in cells), line)
            if original != line:
                pairs.append(f"line {line} as line {original}")
        if pairs:
            n, listed = len(pairs), ", ".join(pairs[:MAX_DOUBTS])
            listed += f" and {n - MAX_DOUBTS} more" if n > MAX_DOUBTS else ""
            found.append(f"{n} row{'' if n == 1 else 's'} {what} ({listed}); remove what was copied by mistake")
    return found


def _check_learnable(rows: pd.DataFrame, source: str, objectives: Sequence[Objective], n_dropped: int) -> None:
    """Refuse a table from which nothing can be learned."""
    after = f" after {n_dropped} were dropped" if n_dropped else ""
    if len(rows) < MIN_ROWS:
        raise TableError(
            f"{source}: {len(rows)} row{'' if len(rows) == 1 else 's'}{after}; cross-validation needs at least 3"
        )
    for objective in objectives:
        values = rows[objective.name].dropna()
        if len(values) < MIN_ROWS:
            raise TableError(
                f"{source}: column '{objective.name}' has {len(values)} result{'' if len(values) == 1 else 's'}{after}"
                f"; its model needs at least {MIN_ROWS}. Until they are there, leave it out of the study's objectives"
            )
        if objective.goal != "report" and values.nunique() == 1:
            raise TableError(
                f"{source}: column '{objective.name}' is {values.iloc[0]:g} in every row; "
                "there is nothing to learn from a constant objective"
            )
