"""The table of a study: read and checked, with an account of every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from batterymi import registry
from batterymi.config.parts import Objective
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.formula_columns import ReadCells, list_formula_columns, read_formula_columns
from batterymi.data.header_units import Conversion, find_conversions, match_headers
from batterymi.data.input_files import hold_unchanged, read_content
from batterymi.data.loaders.base import Rows
from batterymi.data.read_csv import find_empty, parse_csv
from batterymi.data.schema import find_outside_schema, list_faults, make_fault
from batterymi.data.structure_columns import list_structure_columns, read_structure_columns
from batterymi.errors import TableError
from batterymi.files import read_frame
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.measured import find_compound_column, name_digest_column
from batterymi.vocabulary.splits import CHECKED, FAILED, PENDING, SPLIT, TRAIN, WITHOUT_RESULT

WORDS = {"pending": PENDING, "planned": PENDING, "running": PENDING, "failed": FAILED, "fail": FAILED}


@dataclass(frozen=True)
class CheckedTable:
    """The rows of a study that are right, with an account of the others.

    Attributes:
        rows: numbers as float64, one row for each that is right.
        n_in: rows before any check.
        dropped: one entry per row that was left out: line, column, found, reason.
        conversions: columns that the file has in another unit.
        digests: SHA-256 of each file that was read, of the very content that the rows are from.
        unused: one entry per result of a row that still waits for another one, in the same form as `dropped`.
        formulas: how cells of formulas were understood, and which are odd.
    """

    rows: pd.DataFrame
    n_in: int
    dropped: list[dict[str, Any]]
    conversions: list[Conversion]
    digests: dict[str, str]
    unused: list[dict[str, Any]]
    formulas: ReadCells

    def list_notes(self) -> list[str]:
        """Return a line for each row that was left out, each result that is not used yet, and each odd formula."""
        source = next(iter(self.digests), "")
        return [*list_faults(source, [*self.dropped, *self.unused]), *list_faults(source, self.formulas.doubts)]


def load_table(settings: TableSettings) -> CheckedTable:
    """Read the rows of a study and check each.

    Raises:
        TableError: if the table cannot be used; the message lists every row and column at fault.
    """
    loaded, conversions, digests = _read_rows(settings)
    # data sets have loaders, which know how their formulas are written
    columns = list_formula_columns(settings.descriptors, settings.table.formula_column) if settings.table.file else []
    formulas = read_formula_columns(loaded.frame, columns)
    files = list_structure_columns(settings.descriptors) if settings.table.file else []
    structures = read_structure_columns(formulas.frame, files, settings.path)
    rows, dropped = check_rows(structures.frame, settings, conversions, [*formulas.faults, *structures.faults])
    formulas.doubts.extend(structures.doubts)
    for column in files:
        digests |= dict(zip(structures.frame[column], structures.frame[name_digest_column(column)], strict=True))
    dropped = sorted([*loaded.dropped, *dropped], key=lambda fault: fault["line"])
    unused = _find_unused_results(loaded.frame, settings)
    return CheckedTable(rows, loaded.n_in, dropped, list(conversions.values()), digests, unused, formulas)


def check_rows(
    raw: pd.DataFrame,
    settings: TableSettings,
    conversions: Mapping[str, Conversion] = MappingProxyType({}),
    earlier: Sequence[dict[str, Any]] = (),
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Check every row against the declared columns.

    Args:
        raw: cells as read; the index holds line numbers.
        settings: what the columns may hold.
        conversions: columns that are in another unit, by name.
        earlier: cells that were found wrong before, in the form of what is returned.

    Returns:
        The rows that are right, numbers as float64, and one entry per dropped row: line, column, found, reason.

    Raises:
        TableError: for a missing column, for bad rows unless `bad_rows` is `drop`, and for a table from
            which nothing can be learned (fewer than three rows, a constant objective).
    """
    table, objectives = settings.table, settings.objectives
    columns = (*settings.features, *objectives)
    inputs = sorted({column for descriptor in settings.descriptors for column in descriptor.columns.values()})
    names = list(dict.fromkeys([*(column.name for column in columns), *inputs]))
    _check_columns(raw, settings.path, table, names)
    rows = raw.copy()
    # loaders and `sample_table` set the splits themselves
    if SPLIT not in rows:
        rows[SPLIT] = _find_splits(rows, table, objectives)
    learning, without_result = rows[SPLIT].isin(CHECKED), rows[SPLIT].isin(WITHOUT_RESULT)
    outcomes = [objective.name for objective in objectives]
    # a word such as "pending" must not be reported as a bad number
    rows[outcomes] = rows[outcomes].astype(object).mask(without_result, "")
    faults: list[dict[str, Any]] = list(earlier)
    for name in (column.name for column in columns if not getattr(column, "is_category", False)):
        needed = learning if name in outcomes else learning | without_result
        rows[name], found = _parse_numbers(rows[name], name, needed, conversions.get(name))
        faults += found
    # rows with bad cells skip the schema, which would report them twice
    bad = sorted({fault["line"] for fault in faults})
    measured, waiting = (rows[part].drop(index=bad, errors="ignore") for part in (learning, without_result))
    faults += find_outside_schema(measured, settings.features, objectives, settings.simplex)
    faults += find_outside_schema(waiting, settings.features, (), settings.simplex) if len(waiting) else []
    faults += _find_duplicates(measured, [find_compound_column(measured.columns, name) for name in names])
    faults.sort(key=lambda fault: fault["line"])
    # only now, so that one message lists all faults
    if faults and table.bad_rows == "stop":
        advice = "nothing was written; correct the file, or set table.bad_rows to 'drop' to go on without those rows"
        raise TableError("\n".join([*list_faults(settings.path, faults), advice]))
    rows = rows.drop(index=sorted({fault["line"] for fault in faults}))
    _check_learnable(rows[rows[SPLIT] == TRAIN], settings.path, objectives, len(raw) - len(rows))
    rows.index.name = "line"
    return rows.reset_index(), faults


def _find_unused_results(raw: pd.DataFrame, settings: TableSettings) -> list[dict[str, Any]]:
    """List results in rows that are under way or failed because of another objective; models do not learn from them."""
    outcomes = [objective.name for objective in settings.objectives]
    if SPLIT in raw or len(outcomes) < 2:
        return []
    splits = _find_splits(raw, settings.table, settings.objectives)
    rows = raw.loc[splits.isin(WITHOUT_RESULT), outcomes]
    is_number = rows.apply(pd.to_numeric, errors="coerce").notna()
    return [
        make_fault(line, name, rows.loc[line, name], f"not used, since the row is {splits[line]} by another objective")
        for name in outcomes
        for line in rows.index[is_number[name]]
    ]


def _find_splits(rows: pd.DataFrame, table: Table, objectives: Sequence[Objective]) -> pd.Series:
    """Return which rows have a result, and which are designs without one: under way, or failed."""
    splits = pd.Series(TRAIN, index=rows.index)
    for objective in objectives:
        words = rows[objective.name].astype(str).str.strip().str.lower()
        # the first objective with a word decides
        splits = splits.where(splits != TRAIN, words.map(WORDS).fillna(TRAIN))
        if table.empty == PENDING:
            splits = splits.where((splits != TRAIN) | ~find_empty(words), PENDING)
    return splits


def _read_rows(settings: TableSettings) -> tuple[Rows, dict[str, Conversion], dict[str, str]]:
    """Read the rows of a CSV file, of the Parquet file of a sampled table, or of a data set.

    Returns:
        The rows before any check, with what a loader left out; columns that the file has in another unit; the
        digests of the files.

    Raises:
        TableError: if the source cannot be read.
    """
    table, path = settings.table, settings.path
    if table.dataset is not None:
        files = settings.dataset.files if settings.dataset else {}
        expected = {f"{path}/{name}": file.sha256 for name, file in files.items()}
        with hold_unchanged(expected) as digests:
            _check_fetched(path, digests, expected)
            return registry.look_up("loader", table.dataset.name)(Path(path), table.dataset), {}, digests
    if Path(path).suffix == ".parquet":
        with hold_unchanged([path]) as digests:
            frame = read_frame(path)
        # a Parquet file has no lines, but messages and reports name rows by them
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
        return Rows(frame, len(frame)), {}, digests
    content = read_content(path)
    cells = parse_csv(content.data, path)
    columns = (*settings.features, *settings.objectives)
    names = match_headers(list(cells.columns), table.columns, columns)
    frame = _rename_columns(cells, path, names)
    return Rows(frame, len(frame)), find_conversions(path, names, columns), {path: content.sha256}


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


def _rename_columns(frame: pd.DataFrame, source: str, names: dict[str, str]) -> pd.DataFrame:
    """Return the table under the names that its study gives to headers."""
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


def _parse_numbers(
    cells: pd.Series, name: str, needed: pd.Series, conversion: Conversion | None
) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Turn cells into numbers in the unit of the study, and list those that are empty, words or not finite."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    converted = conversion.convert_to_study(numbers) if conversion else numbers
    empty = find_empty(cells)
    reasons = [
        (empty & needed, "no value; every row needs a number here"),
        (numbers.isna() & ~empty, "not a number"),
        (numbers.notna() & converted.isna(), "no logarithm; only numbers above 0 have one"),
        (pd.Series(np.isinf(numbers), index=cells.index), "not finite"),
    ]
    return converted, [
        make_fault(line, name, cells.loc[line], reason) for bad, reason in reasons for line in cells.index[bad]
    ]


def _find_duplicates(rows: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """List rows that repeat an earlier one; a copy in train and test would leak its answer."""
    first: dict[tuple[Any, ...], Any] = {}
    faults = []
    for line, *cells in rows[names].itertuples(name=None):
        original = first.setdefault(tuple(cells), line)
        if original != line:
            faults.append(make_fault(line, "(row)", f"a copy of line {original}", "duplicate row"))
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
