"""Single cells of a CSV file that are replaced; every other byte of it stays."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from batterymi.csv_safety import escape_cell
from batterymi.data.read_table import RawTable
from batterymi.errors import TableError

Cells = Mapping[int, Mapping[str, object]]  # by line and header
NO_CELLS: Cells = MappingProxyType({})
BY_HAND = "write the cell by hand"


def fill_cells(table: Path, content: bytes, raw: RawTable, filled: Cells) -> bytes:
    """Return the content of a table with some cells replaced.

    Args:
        table: the file, for messages.
        content: its bytes.
        raw: the same as read.
        filled: new cells.

    Raises:
        TableError: if a row spans several lines, or the encoding lacks a letter of a cell.
    """
    text = content.decode(raw.encoding)
    # lines as the reader of a table counts them, which takes quoted cells apart from plain ones
    lines = list(io.StringIO(text, newline="")) if '"' in text else text.splitlines(keepends=True)
    places = dict(zip(raw.frame.columns, raw.places, strict=True))
    for number, cells in filled.items():
        line = lines[number - 1]
        body = line.rstrip("\r\n")
        parts = split_line(body, raw.delimiter)
        if len(parts) < max(places[header] for header in cells) + 1 or body.count('"') % 2:
            raise TableError(f"{table}: line {number}: the row cannot be taken apart into its cells; {BY_HAND}")
        for header, cell in cells.items():
            parts[places[header]] = _quote_cell(format_cell(cell, raw.decimal.sign == ","), raw.delimiter)
        lines[number - 1] = raw.delimiter.join(parts) + line[len(body) :]
    try:
        return "".join(lines).encode(raw.encoding)
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.end]
        raise TableError(f"{table}: is {raw.encoding} text, which has no '{found}'; save it as UTF-8") from None


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line as they are written, with their quotation marks and blanks."""
    parts, is_quoted = [""], False
    for sign in line:
        is_quoted ^= sign == '"'
        if sign == delimiter and not is_quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def format_cell(cell: object, commas: bool) -> str:
    """Return a cell as text: numbers in ten digits, formulas of spreadsheets escaped."""
    if isinstance(cell, str):
        return str(escape_cell(cell))
    text = f"{cell:.10g}"
    return text.replace(".", ",") if commas else text


def _quote_cell(cell: str, delimiter: str) -> str:
    """Return a cell in quotation marks where its signs need them."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="").writerow([cell])
    return stream.getvalue()
