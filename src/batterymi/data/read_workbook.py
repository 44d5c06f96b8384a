"""Sheets of workbooks (.xlsx, .ods, .xls) as grids of text cells, as a person sees them."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.csv_safety import unescape_cell
from batterymi.data.grids import Grid
from batterymi.errors import UNREADABLE, TableError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

WORKBOOKS = (".xlsx", ".xlsm", ".ods", ".xls")
MOST_BYTES = 1_000_000_000  # of an unpacked workbook, so that a small file cannot fill the memory
MAX_LISTED = 8


def read_workbook(data: bytes, path: str | Path, sheet: str | None = None) -> Grid:
    """Read one sheet of a workbook as text cells.

    Shares that a sheet shows as percents are texts such as `91%`, dates are ISO texts.

    Args:
        data: the content of the file.
        path: the file, whose ending says what it is.
        sheet: name of the sheet; not set: the only one that is not empty.

    Raises:
        TableError: if it is no workbook, there is no such sheet, several could be meant, or a formula has no stored
            value.
    """
    _check_size(data, path)
    try:
        if Path(path).suffix.lower() in (".xlsx", ".xlsm"):
            return _read_excel_sheet(data, path, sheet)
        return _read_other_sheet(data, path, sheet)
    except (*UNREADABLE, zipfile.BadZipFile) as error:
        raise TableError(f"{path}: not a workbook that can be read: {' '.join(str(error).split())[:200]}") from None


def _check_size(data: bytes, path: str | Path) -> None:
    """Refuse a packed file that is huge once it is unpacked."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(item.file_size for item in archive.infolist())
    if size > MOST_BYTES:
        raise TableError(f"{path}: unpacks to {size:,} bytes; at most {MOST_BYTES:,} are read; save the sheet as CSV")


def _choose_sheet(found: dict[str, int], path: str | Path, wanted: str | None) -> str:
    """Return the sheet to read.

    Args:
        found: number of rows that are not empty, by name of the sheet.
        path: the file, for messages.
        wanted: the sheet that settings name.

    Raises:
        TableError: if it is missing, or several could be meant.
    """
    listed = ", ".join(f"'{name}' ({rows} row{'' if rows == 1 else 's'})" for name, rows in found.items())
    if wanted is not None:
        if wanted not in found:
            raise TableError(f"{path}: there is no sheet '{wanted}'; sheets: {listed}")
        return wanted
    filled = [name for name, rows in found.items() if rows]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise TableError(f"{path}: all sheets are empty: {listed}")
    raise TableError(f"{path}: which sheet is the table? set `table.sheet` (new-study: --sheet): {listed}")


def _read_excel_sheet(data: bytes, path: str | Path, wanted: str | None) -> Grid:
    """Read a sheet of an .xlsx file."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), data_only=True)
    counts = {
        sheet.title: sum(any(cell is not None for cell in row) for row in sheet.iter_rows(values_only=True))
        for sheet in book.worksheets
    }
    name = _choose_sheet(counts, path, wanted)
    sheet = book[name]
    formulas = load_workbook(io.BytesIO(data), read_only=True)[name]
    without = [
        f"{cell.coordinate}"
        for row in formulas.iter_rows()
        for cell in row
        if cell.data_type == "f" and sheet[cell.coordinate].value is None
    ]
    if without:
        listed = ", ".join(without[:MAX_LISTED]) + (
            f" and {len(without) - MAX_LISTED} more" * (len(without) > MAX_LISTED)
        )
        raise TableError(
            f"{path}: sheet '{name}': {listed}: a formula without a stored result; open the file in a spreadsheet "
            "program and save it, so that results are stored"
        )
    rows = [
        (number, [format_value(cell.value, cell.number_format) for cell in row])
        for number, row in enumerate(sheet.iter_rows(), start=1)
    ]
    return _make_grid(rows, name, len(counts), _describe_layout(sheet))


def _describe_layout(sheet: "Worksheet") -> list[str]:
    """Return notes on merged cells and hidden rows, which a grid does not show."""
    notes = []
    merged = [str(area) for area in sheet.merged_cells.ranges if area.max_row > area.min_row]
    if merged:
        notes.append(
            f"merged cells {', '.join(sorted(merged)[:MAX_LISTED])}: only the first of each holds the value; "
            "list the columns in `table.fill_down` if it holds for all"
        )
    hidden = sorted(number for number, size in sheet.row_dimensions.items() if size.hidden)
    if hidden:
        listed = ", ".join(map(str, hidden[:MAX_LISTED])) + (" and more" if len(hidden) > MAX_LISTED else "")
        notes.append(f"hidden rows are read too: {listed}")
    return notes


def _read_other_sheet(data: bytes, path: str | Path, wanted: str | None) -> Grid:
    """Read a sheet of an .ods or .xls file."""
    from python_calamine import CalamineError, load_workbook

    try:
        book = load_workbook(io.BytesIO(data))
        cells = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except CalamineError as error:
        raise TableError(f"{path}: not a workbook that can be read: {error}") from None
    counts = {name: sum(any(cell != "" for cell in row) for row in rows) for name, rows in cells.items()}
    name = _choose_sheet(counts, path, wanted)
    rows = [(number, [format_value(cell) for cell in row]) for number, row in enumerate(cells[name], start=1)]
    return _make_grid(rows, name, len(counts), [])


def _make_grid(rows: list[tuple[int, list[str]]], name: str, n_sheets: int, notes: list[str]) -> Grid:
    """Return the grid of a sheet, without what is empty all around it."""
    width = max((place for _, cells in rows for place, cell in enumerate(cells, start=1) if cell), default=0)
    # every row has as many cells as the widest
    padded = [(number, (cells + [""] * width)[:width]) for number, cells in rows]
    blank = {number for number, cells in padded if not any(cells)}
    said = [f"the sheet '{name}' of {n_sheets} was read"] if n_sheets > 1 else []
    return Grid([row for row in padded if row[0] not in blank], "", blank, [*said, *notes])


def format_value(value: Any, number_format: str = "") -> str:
    """Return a cell as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float | int):
        if "%" in number_format:
            return f"{100 * value:.12g}%"
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return str(unescape_cell(str(value).strip()))
