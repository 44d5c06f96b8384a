"""Reading a user's table, whatever the format of its file, as text cells under the names of its columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.sources import Reading
from batterymi.data.cell_formats import format_value
from batterymi.data.cells import POINT, Decimal, find_decimal
from batterymi.data.decode_text import decode_text
from batterymi.data.file_kinds import refuse_other_kinds
from batterymi.data.footers import guess_footer, is_note
from batterymi.data.grids import Grid, split_text
from batterymi.data.input_files import read_content
from batterymi.data.layout import Layout, guess_layout, join_names
from batterymi.data.read_large import parse_large
from batterymi.data.read_workbook import WORKBOOKS, read_workbook
from batterymi.data.schema import make_fault
from batterymi.errors import UNREADABLE, TableError

MAX_LISTED = 10
AS_THEY_ARE = Reading()


@dataclass(frozen=True)
class RawTable:
    """The cells of a table.

    Attributes:
        frame: texts without surrounding blanks (numbers, of a Parquet file); the index holds the line numbers.
        decimal: what separates decimals.
        delimiter: what separates cells; empty for other files than CSV.
        encoding: of the text; empty for other files.
        header_lines: numbers of the lines that name the columns.
        places: place of each column in the lines of the file.
        width: number of cells in a line.
        left_out: one entry for each row that settings leave out.
        suspects: one entry for each row that looks like statistics, where settings say nothing of them.
        notes: what was understood about the file.
        hint: what settings it seems to need; empty if none.
    """

    frame: pd.DataFrame
    decimal: Decimal = POINT
    delimiter: str = ""
    encoding: str = ""
    header_lines: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    width: int = 0
    left_out: list[dict[str, Any]] = field(default_factory=list)
    suspects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hint: str = ""


def read_table(path: str | Path, reading: Reading = AS_THEY_ARE) -> RawTable:
    """Read a table; see `parse_table`.

    Raises:
        TableError: also if the file is missing or cannot be read.
    """
    return parse_table(read_content(path).data, path, reading)


def parse_table(data: bytes, path: str | Path, reading: Reading = AS_THEY_ARE) -> RawTable:
    """Parse the content of a table: CSV in any usual encoding and delimiter, .xlsx, .ods, .xls or .parquet.

    Args:
        data: what the file holds.
        path: the file, for messages; its ending says what it is.
        reading: settings of the reading.

    Raises:
        TableError: if the file cannot be read, has no rows, a header with repeated names, or a row with too many or too
            few cells; it says which settings would help.
    """
    refuse_other_kinds(data, path)
    if Path(path).suffix.lower() == ".parquet":
        return _parse_parquet(data, path)
    if Path(path).suffix.lower() not in WORKBOOKS and (large := parse_large(data, path, reading)) is not None:
        places = tuple(range(large.shape[1]))
        return RawTable(large, encoding="utf-8", header_lines=(1,), places=places, width=large.shape[1])
    grid, encoding = parse_grid(data, path, reading)
    layout = guess_layout(grid) if len(grid.rows) > 1 else Layout((grid.rows[0][0],))
    lines = reading.header_lines or (grid.rows[0][0],)
    hint = _describe_hint(lines, layout.header_lines)
    header, rows = _split_header(grid, lines, path)
    names, kept = _name_columns(header, rows, grid, path, hint)
    rows = _check_widths(path, len(header), rows, grid, (hint, reading.leave_out or ()))
    if not rows:
        raise TableError(f"{path}: there is a header but no row; add at least two rows")
    rows, left_out, suspects = _leave_rows_out(grid, rows, reading, lines)
    cells = [[row[place] for place in kept] for _, row in rows]
    frame = pd.DataFrame(cells, columns=names, index=pd.Index([n for n, _ in rows], name="line"), dtype=str)
    with_signs = (cell for row in cells for cell in row if "," in cell or "." in cell)
    is_open = reading.decimal is not None or _has_commas(cells)
    decimal = find_decimal(with_signs, grid.delimiter, reading.decimal) if is_open else POINT
    return RawTable(
        frame,
        decimal,
        grid.delimiter,
        encoding,
        tuple(lines),
        tuple(kept),
        len(header),
        left_out,
        suspects,
        grid.notes,
        hint,
    )


def parse_grid(data: bytes, path: str | Path, reading: Reading = AS_THEY_ARE) -> tuple[Grid, str]:
    """Parse a file to a grid of text cells, whichever of its lines are rows.

    Returns:
        The grid, and the encoding of a text file.

    Raises:
        TableError: if it cannot be read.
    """
    refuse_other_kinds(data, path)
    if Path(path).suffix.lower() in WORKBOOKS:
        grid = read_workbook(data, path, reading.sheet)
        if not grid.rows:
            raise TableError(f"{path}: the sheet is empty; expected a header line and rows")
        return grid, ""
    decoded = decode_text(data, path, reading.encoding)
    grid = split_text(decoded.text, path, reading.header_lines[0] if reading.header_lines else None)
    if decoded.is_guessed:
        grid.notes.append(
            f"read as {decoded.encoding} text, which its bytes look like; set `table.encoding` if letters are wrong"
        )
    return grid, decoded.encoding


def _parse_parquet(data: bytes, path: str | Path) -> RawTable:
    """Parse a Parquet file; numbers stay numbers, dates become texts."""
    import io

    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except UNREADABLE as error:
        raise TableError(f"{path}: not a Parquet file that can be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    if frame.empty:
        raise TableError(f"{path}: there is no row; add at least two rows")
    for place, (name, kind) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        if kind.kind not in "iufb":
            texts = frame.iloc[:, place]
            known = texts.notna().to_numpy()
            cells = texts.astype(object).to_list()
            frame[name] = [format_value(cell) if is_known else "" for cell, is_known in zip(cells, known, strict=True)]
    frame.columns = [str(name) for name in frame.columns]
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise TableError(f"{path}: the header has the column '{twice[0]}' more than once")
    # a Parquet file has no lines, but messages and reports name rows by them
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    return RawTable(frame)


def _describe_hint(lines: Sequence[int], guessed: Sequence[int]) -> str:
    """Return which setting of the header's lines the file seems to need."""
    if tuple(lines) == tuple(guessed):
        return ""
    where = f"line {guessed[0]}" if len(guessed) == 1 else f"lines {', '.join(map(str, guessed))}"
    return f"the names of the columns seem to stand in {where}: set `table.header_lines: {list(guessed)}`"


def _split_header(grid: Grid, lines: Sequence[int], path: str | Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the rows below them.

    Raises:
        TableError: if a line of the header is empty or not in the file.
    """
    found = dict(grid.rows)
    missing = [number for number in lines if number not in found]
    if missing:
        raise TableError(f"{path}: table.header_lines: line {missing[0]} is empty, or not in the file")
    return join_names([found[number] for number in lines]), [row for row in grid.rows if row[0] > max(lines)]


def _name_columns(
    header: list[str], rows: Sequence[tuple[int, list[str]]], grid: Grid, path: str | Path, hint: str
) -> tuple[list[str], list[int]]:
    """Return the names of the columns that have one or hold something, and their places.

    Raises:
        TableError: if two have the same name.
    """
    names, kept = [], []
    for place, name in enumerate(header):
        if not name:
            if not any(place < len(cells) and cells[place] for _, cells in rows):
                continue
            name = _find_new_name("index" if place == 0 else f"column_{place + 1}", header)
            grid.notes.append(f"column {place + 1} has no name and is called '{name}' here")
        names.append(name)
        kept.append(place)
    for name, count in Counter(names).items():
        if count > 1:
            advice = hint or "give each its own name, or list a second line that tells them apart in table.header_lines"
            raise TableError(f"{path}: the header has the column '{name}' {count} times; {advice}")
    return names, kept


def _find_new_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that no column has."""
    while name in taken:
        name += "_"
    return name


def _check_widths(
    path: str | Path, width: int, rows: list[tuple[int, list[str]]], grid: Grid, said: tuple[str, Sequence[str]]
) -> list[tuple[int, list[str]]]:
    """Refuse rows that do not have one cell per column; empty cells beyond the last column are none.

    Args:
        path: the file, for messages.
        width: number of columns.
        rows: numbers and cells of lines.
        grid: the whole file.
        said: a hint on the header, and the texts of rows that settings leave out, which may have any width.
    """
    checked, (hint, left_out) = [], said
    for number, cells in rows:
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) != width and len(cells) == 1 and not grid.delimiter.strip(",;|\t") and _is_note(number, rows):
            # a line of text below the table, without any delimiter
            cells = cells + [""] * (width - 1)
        if len(cells) != width and any(text in cells for text in left_out):
            cells = sorted(cells, key=lambda cell: cell not in left_out)
            cells = (cells + [""] * width)[:width]
        if len(cells) != width:
            advice = hint or "quote cells that contain the delimiter"
            if is_note(cells, width):
                advice = (
                    f"it looks like a note below the table: list its first cell in `table.leave_out: ['{cells[0]}']` "
                    "(new-study does so), or remove the line; if it is a row, quote cells that contain the delimiter"
                )
            raise TableError(
                f"{path}: line {number} has {len(cells)} cells, the header {width} "
                f"(delimiter {grid.delimiter!r}); {advice}"
            )
        checked.append((number, cells))
    return checked


def _is_note(number: int, rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Return whether only lines of one cell follow a line."""
    return all(len(cells) == 1 for following, cells in rows if following >= number)


def _leave_rows_out(
    grid: Grid, rows: list[tuple[int, list[str]]], reading: Reading, lines: Sequence[int]
) -> tuple[list[tuple[int, list[str]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows, those that settings leave out, and those that look like statistics where settings say nothing.

    Rows of the last kind stay among the rows.
    """
    first = next((place for place, (number, _) in enumerate(grid.rows) if number > max(lines)), len(grid.rows))
    labels = guess_footer(grid, first) if reading.leave_out is None else reading.leave_out
    if not labels:
        return rows, [], []
    found = {number: label for number, cells in rows for label in labels if label in cells}
    if reading.leave_out is None:
        # only the rows at the end, since a sample may be called as statistics are
        tail = {number for number, _ in rows[-len(labels) - MAX_LISTED :]}
        said = (
            "looks like statistics or a note below the table; list the text in `table.leave_out`, or set "
            "`leave_out: []` if it is a row"
        )
        suspects = [make_fault(number, "(row)", label, said) for number, label in found.items() if number in tail]
        return rows, [], suspects
    said = "left out, as `table.leave_out` says"
    left_out = [make_fault(number, "(row)", label, said) for number, label in found.items()]
    return [row for row in rows if row[0] not in found], left_out, []


def _has_commas(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether some cell has a comma."""
    return any("," in cell for row in cells for cell in row)
