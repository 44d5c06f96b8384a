"""Reading CSV files as people save them: any usual delimiter, byte-order mark and line end."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from batterymi.csv_safety import unescape_cell
from batterymi.data.header_units import DELIMITERS
from batterymi.data.input_files import read_content
from batterymi.errors import TableError

MAX_LISTED = 10
# what people and programs write where nothing was measured; "none" is a value, as of an additive
EMPTY = ("", "na", "n/a", "#n/a", "nan", "null", "<na>", "-", "--", "–")


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV file as text cells; see `parse_csv`.

    Raises:
        TableError: also if the file is missing or cannot be read.
    """
    return parse_csv(read_content(path).data, path)


def parse_csv(data: bytes, path: str | Path) -> pd.DataFrame:
    """Parse the bytes of a CSV file as text cells.

    Handles a UTF-8 or UTF-16 byte-order mark, Windows line ends, and comma, semicolon or tab as the delimiter
    (the one that splits the header into most fields). Lines that are empty or begin with # are ignored.

    Args:
        data: what the file holds.
        path: the file, for messages.

    Returns:
        One row per data line, every cell a string without surrounding blanks; the index holds the line
        numbers in the file, so that messages can name them.

    Raises:
        TableError: if the file is not text, has no data rows, a header with empty or repeated names,
            or a row with too many or too few cells.
    """
    text = _decode_text(data, path)
    lines = text.splitlines()
    content = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not content:
        raise TableError(f"{path}: the file is empty; expected a header line and rows")
    header_line = content[0][1]
    delimiter = max(DELIMITERS, key=header_line.count)
    _check_comments(path, lines, header_line, delimiter)
    # without quotation marks no cell spans lines, and a plain split will do
    quoted = any('"' in line for _, line in content)
    rows = _parse_quoted_rows(path, text, delimiter) if quoted else _split_rows(content, delimiter)
    header = [unescape_cell(cell.strip()) for cell in rows[0][1]]
    _check_header(path, header)
    _check_widths(path, header, rows[1:], delimiter)
    if len(rows) == 1:
        raise TableError(f"{path}: there is a header but no row; add at least two rows")
    cells = [[unescape_cell(cell.strip()) for cell in row] for _, row in rows[1:]]
    index = pd.Index([number for number, _ in rows[1:]], name="line")
    frame = pd.DataFrame(cells, columns=header, index=index, dtype=str)
    return _convert_decimal_commas(frame) if delimiter == ";" else frame


def _check_comments(path: str | Path, lines: list[str], header: str, delimiter: str) -> None:
    """Refuse lines that begin with # and have as many cells as the header, since they may be rows, as of sample #11.

    Raises:
        TableError: naming the lines.
    """
    n_cells = header.count(delimiter)
    rows = [
        number
        for number, line in enumerate(lines, start=1)
        if n_cells and line.lstrip().startswith("#") and '"' not in line and line.count(delimiter) == n_cells
    ]
    if rows:
        listed = ", ".join(map(str, rows[:MAX_LISTED])) + (" and more" if len(rows) > MAX_LISTED else "")
        raise TableError(
            f"{path}: line {listed}: begins with # and has {n_cells + 1} cells, as the header has; if it is a row, "
            "write the name without #, or in quotation marks; if it is a comment, remove it or its delimiters"
        )


def find_empty(cells: pd.Series) -> pd.Series:
    """Return which cells say that there is no value."""
    return cells.isna() | cells.astype(str).str.strip().str.lower().isin(EMPTY)


def _decode_text(data: bytes, path: str | Path) -> str:
    """Decode the content of a file by its byte-order mark, else as UTF-8."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TableError(f"{path}: line {line} is not UTF-8 text; save the file as UTF-8") from None
    # null bytes are valid UTF-8, so a binary file may decode without an error
    if "\x00" in text:
        raise TableError(f"{path}: this is not a text file; save it as CSV, UTF-8")
    return text


def _split_rows(content: list[tuple[int, str]], delimiter: str) -> list[tuple[int, list[str]]]:
    """Split the rows of a file without quotation marks."""
    return [(number, line.split(delimiter)) for number, line in content]


def _parse_quoted_rows(path: str | Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Parse the rows of a file with quotation marks, in which a cell may span lines."""
    lines = _Lines(text)
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            if any(cell.strip() for cell in row):
                rows.append((lines.first, row))
            # the reader has taken a whole row, so comments may follow again
            lines.is_between = True
    except csv.Error as error:
        raise TableError(f"{path}: line {lines.first} cannot be read: {error}") from None
    if lines.ended_within:
        raise TableError(f"{path}: line {lines.first}: a quotation mark is opened and never closed")
    if not rows:
        raise TableError(f"{path}: the file is empty; expected a header line and rows")
    return rows


class _Lines(Iterator[str]):
    """Lines for a reader that takes several where a cell spans them; comments come between rows, not within cells.

    Attributes:
        first: number of the line in which the current row begins.
        is_between: whether the next line begins a row; the reader's user sets it after each row.
        ended_within: whether the file ended within a row.
    """

    def __init__(self, text: str) -> None:
        """Keep the lines with their ends, since cells may hold them."""
        self._lines = enumerate(io.StringIO(text, newline=""), start=1)
        self.first, self.is_between, self.ended_within = 1, True, False

    def __next__(self) -> str:
        """Return the next line that is not a comment."""
        for number, line in self._lines:
            if not self.is_between:
                return line
            if not line.lstrip().startswith("#"):
                self.first, self.is_between = number, False
                return line
        # an open quotation mark makes the reader swallow the rest of the file
        self.ended_within |= not self.is_between
        raise StopIteration


def _check_header(path: str | Path, header: list[str]) -> None:
    """Refuse a header that does not name each column once."""
    counts = Counter(header)
    for position, name in enumerate(header, start=1):
        if not name:
            raise TableError(f"{path}: column {position} of the header has no name")
        if counts[name] > 1:
            raise TableError(f"{path}: the header has the column '{name}' {counts[name]} times")


def _check_widths(path: str | Path, header: list[str], rows: list[tuple[int, list[str]]], delimiter: str) -> None:
    """Refuse rows that do not have one cell per column."""
    for number, row in rows:
        if len(row) != len(header):
            raise TableError(
                f"{path}: line {number} has {len(row)} cells, the header {len(header)} "
                f"(delimiter {delimiter!r}); quote cells that contain the delimiter"
            )


def _convert_decimal_commas(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn decimal commas, usual beside semicolons, into points."""
    return frame.replace(r"^([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)$", r"\1.\2", regex=True)
