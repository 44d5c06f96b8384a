"""Tables as grids of text cells with their line numbers, before it is known which line names the columns."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batterymi.csv_safety import unescape_cell
from batterymi.errors import TableError

DELIMITERS = ("\t", ";", "|", ",")  # of equally good ones, the first: commas are decimal ones beside semicolons
MAX_LISTED = 10
SAMPLED_LINES = 2000  # of a file, to find its delimiter
NUMBER = re.compile(r"[-+−]?\d*\.?\d+(?:[eE][-+]?\d+)?|nan", re.IGNORECASE)
FORCED_TEXT = re.compile(r'="([^"]*)"')  # by which exports keep a spreadsheet from reading a number
Lines = list[tuple[int, str]]


@dataclass
class Grid:
    """Cells of a file.

    Attributes:
        rows: number of the line, and cells without surrounding blanks; lines without any cell are left out.
        delimiter: what separates cells; empty for workbooks.
        blank: numbers of lines without any cell.
        notes: what was understood about the file.
    """

    rows: list[tuple[int, list[str]]]
    delimiter: str = ""
    blank: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def split_text(text: str, path: str | Path, header_line: int | None = None) -> Grid:
    """Split the text of a CSV file into cells.

    Lines that are empty or begin with # are ignored, and a first line `sep=;` as spreadsheets write it.

    Args:
        text: of the file, with any line ends.
        path: the file, for messages.
        header_line: number of the line that names the columns; not set: the first.

    Raises:
        TableError: if the file is empty, or a quotation mark is never closed.
    """
    lines = text.splitlines()
    content = _list_content(lines)
    if not content:
        raise TableError(f"{path}: the file is empty; expected a header line and rows")
    delimiter, declared = _find_declared_delimiter(content[0][1]), False
    if delimiter:
        declared, content = True, content[1:]
    delimiter = delimiter or find_delimiter([line for _, line in content[:SAMPLED_LINES]])
    _refuse_blanks(path, lines, content, delimiter)
    header = next((line for number, line in content if number == header_line), content[0][1] if content else "")
    _check_comments(path, lines, header, delimiter)
    # without quotation marks no cell spans lines, and a plain split will do
    if any('"' in line for _, line in content):
        rows = _parse_quoted_rows(path, text, delimiter)[1 if declared else 0 :]
    else:
        rows = [(number, line.split(delimiter)) for number, line in content]
    stripped = [(number, [_strip_cell(cell) for cell in cells]) for number, cells in rows]
    blank = {number for number, cells in stripped if not any(cells)}
    if len(blank) == len(stripped):
        raise TableError(f"{path}: the file is empty; expected a header line and rows")
    blank |= {number for number, line in enumerate(lines, start=1) if not line.strip()}
    return Grid([row for row in stripped if row[0] not in blank], delimiter, blank)


def _strip_cell(cell: str) -> str:
    """Return a cell without blanks around it, and without what only a spreadsheet needs, as of ="700" or '=5."""
    text = str(unescape_cell(cell.strip()))
    forced = FORCED_TEXT.fullmatch(text)
    return forced[1].strip() if forced else text


def find_delimiter(lines: Sequence[str]) -> str:
    """Find the delimiter that splits most lines into the same number of cells.

    Args:
        lines: of a file, without comments.
    """
    best, share = ",", 0.0
    for delimiter in DELIMITERS:
        counts = Counter(_strip_quoted(line).count(delimiter) for line in lines)
        n_cells = max((count for count in counts if count), key=lambda count: counts[count], default=0)
        if n_cells and counts[n_cells] / len(lines) > share:
            best, share = delimiter, counts[n_cells] / len(lines)
    return best


def _refuse_blanks(path: str | Path, lines: Sequence[str], content: Lines, delimiter: str) -> None:
    """Refuse a table of numbers whose cells are separated by blanks.

    Raises:
        TableError: which says what was tried.
    """
    rows = [line.split() for _, line in content[:SAMPLED_LINES]]
    width = len(rows[-1]) if rows else 0
    numbers = [row for row in rows if all(NUMBER.fullmatch(cell) for cell in row[1:])]
    if any(delimiter in line for _, line in content) or width < 2 or len(numbers) < 2:
        return
    if sum(len(row) == width for row in numbers) < 0.9 * len(rows[1:]):
        return
    header = next((n for n, line in enumerate(lines, start=1) if len(line.lstrip(" #").split()) == width), 0)
    is_comment = header and lines[header - 1].lstrip().startswith("#")
    raise TableError(
        f"{path}: no delimiter was found; tried: tab, semicolon, |, comma. The lines have {width} parts with blanks "
        "between them: write commas or tabs instead of the blanks"
        + (f", and remove the # before the names of the columns in line {header}" if is_comment else "")
    )


def _strip_quoted(line: str) -> str:
    """Return a line without what stands in quotation marks."""
    return "".join(line.split('"')[::2]) if '"' in line else line


def _list_content(lines: Sequence[str]) -> Lines:
    """List lines that are neither empty nor comments, with their numbers."""
    return [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _find_declared_delimiter(line: str) -> str:
    """Return the delimiter that a first line such as `sep=;` declares, else nothing."""
    text = line.strip().strip('"').lower()
    return text[4:5] if text.startswith("sep=") and text[4:5] in DELIMITERS and len(text) == 5 else ""


def _check_comments(path: str | Path, lines: Sequence[str], header: str, delimiter: str) -> None:
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
