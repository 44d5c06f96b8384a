"""Rows that are appended to a user's table: under its lock, in one step, with a copy of what was there."""

import csv
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.csv_safety import escape_cell
from batterymi.data.header_units import DELIMITERS
from batterymi.data.read_csv import read_csv
from batterymi.errors import OutputError, TableError
from batterymi.user_files import keep_copy, lock_path, replace_bytes, resolve_path

UTF8_BOM, UTF16_LE, UTF16_BE = b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"
DECIMAL_COMMA = r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?"


def append_rows(table: Path, rows: pd.DataFrame, content: bytes) -> Path:
    """Append rows to a table as it is written: its delimiter, line ends, encoding and decimal commas.

    Args:
        table: a CSV file.
        rows: with the header of the table.
        content: of the table when the rows were made for it; it must not have changed since.

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
            return _append_locked(table, target, rows, content)
    except OSError as error:
        raise OutputError(f"{table}: cannot be written: {os.strerror(error.errno or 0)}") from error


def _append_locked(table: Path, target: Path, rows: pd.DataFrame, content: bytes) -> Path:
    """Append rows while nobody else does."""
    _refuse_open_table(table, target)
    data = target.read_bytes()
    if data != content:
        raise TableError(f"{table}: the table changed while the designs were chosen; nothing was written; run again")
    before = read_csv(target)
    if list(before.columns) != list(rows.columns):
        raise TableError(f"{table}: the header is another one than that of the designs; nothing was written")
    new = data + _format_rows(data, rows)
    _check_appended(table, new, before, rows)
    copy = keep_copy(target, data)
    if target.read_bytes() != data:
        raise TableError(f"{table}: another program has just written the table; nothing was written; run again")
    replace_bytes(target, new)
    return copy


def _refuse_open_table(table: Path, target: Path) -> None:
    """Refuse a table that a spreadsheet would overwrite, or of which other names would keep the old content."""
    for beside in (f".~lock.{target.name}#", f"~${target.name}"):
        if target.with_name(beside).exists():
            raise TableError(
                f"{table}: is open in a spreadsheet, which would overwrite the new rows when it saves ({beside} is "
                "there); close it and run again"
            )
    if target.stat().st_nlink > 1:
        raise TableError(
            f"{table}: the file has {target.stat().st_nlink} names (hard links), of which only this one would get the "
            "rows; make it a file of its own, by copying it, and run again"
        )
    if not os.access(target, os.W_OK):
        raise OutputError(f"{table}: is read-only; nothing was written")


def _format_rows(data: bytes, rows: pd.DataFrame) -> bytes:
    """Return rows as text in the manner of the table."""
    encoding = "utf-16-le" if data.startswith(UTF16_LE) else "utf-16-be" if data.startswith(UTF16_BE) else "utf-8"
    text = data.decode(encoding).removeprefix("\ufeff")
    header = next(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    delimiter = max(DELIMITERS, key=header.count)
    end = "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"
    commas = delimiter == ";" and _has_decimal_commas(text)
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    writer.writerows([_format_cell(cell, commas) for cell in row] for row in rows.itertuples(index=False, name=None))
    gap = "" if text.endswith(("\n", "\r")) else end
    return (gap + stream.getvalue()).encode(encoding)


def _has_decimal_commas(text: str) -> bool:
    """Return whether a table has numbers with decimal commas."""
    cells = pd.Series(text.replace("\n", ";").replace("\r", ";").split(";")).str.strip()
    return bool(cells.str.fullmatch(DECIMAL_COMMA).any())


def _format_cell(cell: object, commas: bool) -> str:
    """Return a cell as text: numbers in ten digits, formulas of spreadsheets escaped."""
    if isinstance(cell, str):
        return str(escape_cell(cell))
    text = f"{cell:.10g}"
    return text.replace(".", ",") if commas else text


def _check_appended(table: Path, new: bytes, before: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Refuse a content that is not read as the rows that were there and the new ones."""
    with tempfile.TemporaryDirectory(prefix="battery-mi-append-") as folder:
        trial = Path(folder) / "table.csv"
        trial.write_bytes(new)
        after = read_csv(trial)
    kept: Sequence[list[str]] = after.iloc[: len(before)].to_numpy().tolist()
    words = [name for name in rows.columns if rows[name].map(lambda cell: isinstance(cell, str)).all()]
    if len(after) != len(before) + len(rows) or kept != before.to_numpy().tolist():
        raise TableError(f"{table}: rows cannot be appended to it without changing others; nothing was written")
    added: Sequence[list[str]] = after[words].iloc[len(before) :].to_numpy().tolist()
    for read, meant in zip(added, rows[words].to_numpy().tolist(), strict=True):
        if read != meant:
            raise TableError(f"{table}: {meant} would be read as {read} in a CSV file; rename the choice")
