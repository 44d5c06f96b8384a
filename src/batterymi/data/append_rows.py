"""Rows that are appended to a user's table: under its lock, in one step, with a copy of what was there."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.config.sources import Reading
from batterymi.data.fill_cells import NO_CELLS, Cells, fill_cells, format_cell
from batterymi.data.read_table import AS_THEY_ARE, RawTable, parse_table
from batterymi.data.read_workbook import WORKBOOKS
from batterymi.errors import OutputError, TableError
from batterymi.user_files import keep_copy, lock_path, replace_bytes, resolve_path


def append_rows(
    table: Path, rows: pd.DataFrame, content: bytes, reading: Reading = AS_THEY_ARE, filled: Cells = NO_CELLS
) -> Path:
    """Append rows to a table as it is written: its delimiter, line ends, encoding and decimal commas.

    Args:
        table: a CSV file.
        rows: with the header of the table.
        content: of the table when the rows were made for it; it must not have changed since.
        reading: how the table is read.
        filled: new cells of rows that are there, by line and header; all else in them stays as it is written.

    Returns:
        A copy of the table as it was.

    Raises:
        TableError: if the header is another one, the table changed meanwhile, is open in a spreadsheet, or has several
            names.
        OutputError: if it cannot be written; it is then as it was.
    """
    target = resolve_path(table)
    try:
        with lock_path(table):
            new = prepare_append(table, rows, content, reading, filled)
            copy = keep_copy(target, content)
            if target.read_bytes() != content:
                raise TableError(
                    f"{table}: another program has just written the table; nothing was appended; run again"
                )
            replace_bytes(target, new)
            return copy
    except OSError as error:
        raise OutputError(f"{table}: cannot be written: {os.strerror(error.errno or 0)}") from error


def prepare_append(
    table: Path, rows: pd.DataFrame, content: bytes, reading: Reading = AS_THEY_ARE, filled: Cells = NO_CELLS
) -> bytes:
    """Return what a table will be with rows appended, after every check that needs no writing.

    Args:
        table: a CSV file.
        rows: with the header of the table.
        content: of the table when the rows were made for it; it must not have changed since.
        reading: how the table is read.
        filled: see `append_rows`.

    Raises:
        TableError: if rows cannot be appended.
        OutputError: if the table is read-only.
    """
    refuse_open_table(table)
    if resolve_path(table).read_bytes() != content:
        raise TableError(f"{table}: the table changed while the designs were chosen; nothing was appended; run again")
    raw = parse_table(content, table, reading)
    if list(raw.frame.columns) != list(rows.columns):
        raise TableError(f"{table}: the header is another one than that of the designs; nothing was appended")
    if not filled:
        before, expected = content, raw.frame
    else:
        before = fill_cells(table, content, raw, filled)
        expected = parse_table(before, table, reading).frame
        _check_filled(table, raw, expected, filled)
    if rows.empty:
        return before
    new = before + _format_rows(table, before, raw, rows)
    _check_appended(table, new, expected, rows, reading)
    return new


def refuse_open_table(table: Path) -> None:
    """Refuse a table that a spreadsheet would overwrite, that is read-only, or that has several names.

    Of other names of the same file, each would keep the old content.

    Raises:
        TableError: with what to do.
        OutputError: if it is read-only.
    """
    target = resolve_path(table)
    if table.suffix.lower() in (*WORKBOOKS, ".parquet"):
        raise TableError(
            f"{table}: rows are appended to CSV files only; write the designs to a file with --csv, and copy them over"
        )
    try:
        n_names = target.stat().st_nlink
    except OSError as error:
        raise TableError(f"{table}: cannot be read: {error.strerror}") from None
    for beside in (f".~lock.{target.name}#", f"~${target.name}"):
        if target.with_name(beside).exists():
            raise TableError(
                f"{table}: is open in a spreadsheet, which would overwrite the new rows when it saves ({beside} is "
                "there); close it and run again"
            )
    if n_names > 1:
        raise TableError(
            f"{table}: the file has {n_names} names (hard links), of which only this one would get the "
            "rows; make it a file of its own, by copying it, and run again"
        )
    if not os.access(target, os.W_OK) or not os.access(target.parent, os.W_OK):
        raise OutputError(f"{table}: the file or its folder is read-only; nothing was appended")


def _format_rows(table: Path, data: bytes, raw: RawTable, rows: pd.DataFrame) -> bytes:
    """Return rows as text in the manner of the table.

    Raises:
        TableError: if the encoding of the table lacks a letter of theirs.
    """
    text = data.decode(raw.encoding).removeprefix("\ufeff")
    end = "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=raw.delimiter, lineterminator=end)
    for row in rows.itertuples(index=False, name=None):
        cells = [""] * raw.width
        for place, cell in zip(raw.places, row, strict=True):
            cells[place] = format_cell(cell, raw.decimal.sign == ",")
        writer.writerow(cells)
    gap = "" if text.endswith(("\n", "\r")) else end
    try:
        return (gap + stream.getvalue()).encode(raw.encoding)
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.end]
        raise TableError(
            f"{table}: is {raw.encoding} text, which has no '{found}'; save it as UTF-8; nothing was appended"
        ) from None


def _check_filled(table: Path, raw: RawTable, after: pd.DataFrame, filled: Cells) -> None:
    """Refuse a content in which other cells than those that were filled in are read differently."""
    expected = raw.frame.copy()
    for line, cells in filled.items():
        for header, cell in cells.items():
            text = cell.strip() if isinstance(cell, str) else format_cell(cell, raw.decimal.sign == ",")
            expected.loc[line, header] = text
    if expected.index.tolist() != after.index.tolist() or expected.to_numpy().tolist() != after.to_numpy().tolist():
        raise TableError(f"{table}: cells cannot be filled in without changing others; write them by hand")


def _check_appended(table: Path, new: bytes, before: pd.DataFrame, rows: pd.DataFrame, reading: Reading) -> None:
    """Refuse a content that is not read as the rows that were there and the new ones."""
    try:
        after = parse_table(new, table, reading).frame
    except TableError as error:
        raise TableError(
            f"{error}; with the new rows at its end the table cannot be read; nothing was appended"
        ) from None
    kept: Sequence[list[str]] = after.iloc[: len(before)].to_numpy().tolist()
    words = [name for name in rows.columns if rows[name].map(lambda cell: isinstance(cell, str)).all()]
    if len(after) != len(before) + len(rows) or kept != before.to_numpy().tolist():
        raise TableError(f"{table}: rows cannot be appended to it without changing others; nothing was appended")
    added: Sequence[list[str]] = after[words].iloc[len(before) :].to_numpy().tolist()
    for read, meant in zip(added, rows[words].to_numpy().tolist(), strict=True):
        if read != meant:
            raise TableError(f"{table}: {meant} would be read as {read} in a CSV file; rename the choice")
