"""Tables that are dropped onto the app: kept in the project's `data/` under a name of their own, never over another."""

import io
import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pandas as pd

from batterymi.authoring.new_study import find_reading
from batterymi.config.sources import Reading
from batterymi.config.study import Study
from batterymi.data.append_rows import append_rows
from batterymi.data.file_kinds import WORKBOOK_SUFFIXES
from batterymi.data.header_units import match_headers
from batterymi.data.input_files import read_content
from batterymi.data.read_table import RawTable, parse_table
from batterymi.data.read_workbook import list_sheets
from batterymi.errors import TableError
from batterymi.user_files import create_file

DATA = Path("data")
SUFFIXES = (".csv", ".tsv", ".txt", *WORKBOOK_SUFFIXES, ".parquet")
MOST_NAMES, MOST_LETTERS = 1000, 60


def clean_name(name: str) -> str:
    """Return a file's name as the app keeps it: lower-case letters, digits and _, with its suffix.

    Args:
        name: as the browser gives it.

    Raises:
        TableError: if it is of no table.
    """
    last, dot, ending = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    suffix = f"{dot}{ending}".lower()
    if suffix not in SUFFIXES:
        raise TableError(f"'{name[:80]}': is not a table; drop a file that ends with {', '.join(SUFFIXES)}")
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MOST_LETTERS].strip("_")
    return f"{stem if stem[:1].isalpha() else f'table_{stem}'.strip('_')}{suffix}"


def keep_table(name: str, data: bytes) -> Path:
    """Keep a table that was dropped, under a name that is free; the same content under the same name serves again.

    Args:
        name: as the browser gives it.
        data: content of the file.

    Returns:
        The file, relative to the project's folder.

    Raises:
        TableError: if it is empty, of no table, or cannot be read; it is not kept then.
        OutputError: if it cannot be written.
    """
    clean = Path(clean_name(name))
    if not data:
        raise TableError(f"'{name[:80]}': is empty")
    _refuse_unreadable(data, clean)
    for number in range(1, MOST_NAMES):
        path = DATA / (f"{clean.stem}_{number}{clean.suffix}" if number > 1 else clean.name)
        try:
            create_file(path, data)
        except FileExistsError:
            if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
                return path
        else:
            return path
    raise TableError(f"{DATA}: {MOST_NAMES} tables are called {clean.stem}; rename yours")


def _refuse_unreadable(data: bytes, path: Path) -> None:
    """Refuse what cannot be read as a table; of several sheets, the user chooses one later.

    Raises:
        TableError: which says why.
    """
    try:
        if path.suffix.lower() not in WORKBOOK_SUFFIXES:
            read_dropped(data, path)
        elif len(list_sheets(data, path)) < 2:
            parse_table(data, path, Reading())
    except TableError as error:
        raise TableError(f"{error}\nIt was not kept; correct the file, and drop it again") from None


def read_dropped(data: bytes, path: Path) -> RawTable:
    """Return a table as a new study reads it.

    Raises:
        TableError: if it cannot be read.
    """
    return parse_table(data, path, find_reading(data, path, Reading()))


def is_workbook(path: Path) -> bool:
    """Return whether a table is a sheet of a workbook, to which no results can be written."""
    return path.suffix.lower() in (*WORKBOOK_SUFFIXES, ".parquet")


def name_sheets(path: Path) -> list[str]:
    """Return the sheets of a workbook that are not empty; none where it is none.

    Raises:
        TableError: if it cannot be read.
    """
    return list_sheets(path.read_bytes(), path) if path.suffix.lower() in WORKBOOK_SUFFIXES else []


def keep_sheet(path: Path, sheet: str | None) -> Path:
    """Keep a sheet of a workbook as CSV, so that results can be written to it; the workbook stays as it is.

    Args:
        path: the workbook.
        sheet: its name; None for the only one.

    Raises:
        TableError: if it cannot be read.
    """
    raw = parse_table(path.read_bytes(), path, Reading(sheet=sheet))
    stream = io.StringIO()
    raw.frame.to_csv(stream, index=False, lineterminator="\n")
    return keep_table(f"{path.stem}.csv", stream.getvalue().encode())


def digest_table(path: Path) -> str:
    """Return a short digest of a table as it is now, empty if it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def list_free_tables(used: set[Path]) -> list[Path]:
    """List the tables in `data/` that no study uses, the newest first."""
    found = [path for path in DATA.iterdir() if path.suffix.lower() in SUFFIXES] if DATA.is_dir() else []
    free = [path for path in found if path.is_file() and path not in used and not path.name.startswith(".")]
    return sorted(free, key=lambda path: path.stat().st_mtime, reverse=True)


def correct_cells(study: Study, path: Path, cells: Mapping[tuple[int, str], str]) -> Path:
    """Write cells of a table that were corrected; all else in it stays byte by byte.

    Args:
        study: that has the table.
        path: the table.
        cells: new cells, by line and by column, as the study or the header has it.

    Returns:
        A copy of the table as it was.

    Raises:
        TableError: if there is no such cell, or the table cannot be written to.
        OutputError: if it cannot be written.
    """
    content = read_content(path).data
    frame = parse_table(content, path, study.table).frame
    names = match_headers(list(frame.columns), study.table.columns, (*study.features, *study.objectives))
    headers = {name: str(header) for header, name in names.items()} | {str(h): str(h) for h in frame.columns}
    filled: dict[int, dict[str, object]] = {}
    for (line, column), cell in cells.items():
        if line not in frame.index or column not in headers:
            raise TableError(f"{path}: line {line}: {column}: there is no such cell; nothing was written")
        filled.setdefault(line, {})[headers[column]] = cell
    if not filled:
        raise TableError(f"{path}: no cell was changed; nothing was written")
    return append_rows(path, pd.DataFrame(columns=frame.columns), content, study.table, filled)
