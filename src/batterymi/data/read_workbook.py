"""Sheets of workbooks (.xlsx, .ods, .xls) as grids of text cells, as a person sees them."""

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from batterymi.data.cell_formats import format_value, read_format
from batterymi.data.grids import Grid
from batterymi.data.read_ods import read_ods_sheets
from batterymi.errors import UNREADABLE, TableError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

WORKBOOKS = (".xlsx", ".xlsm", ".ods", ".xls")
MOST_BYTES = 1_000_000_000  # of an unpacked workbook, so that a small file cannot fill the memory
MAX_LISTED = 8


def read_workbook(data: bytes, path: str | Path, sheet: str | None = None) -> Grid:
    """Read one sheet of a workbook as text cells.

    Shares that a sheet shows as percents are texts such as `91%`, dates are ISO texts, durations texts as `26:30:00`,
    and times that are shown without seconds texts as `2:30`.

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
        suffix = Path(path).suffix.lower()
        if suffix in (".xlsx", ".xlsm"):
            return _read_excel_sheet(data, path, sheet)
        return (_read_ods_sheet if suffix == ".ods" else _read_xls_sheet)(data, path, sheet)
    except (*UNREADABLE, zipfile.BadZipFile) as error:
        raise TableError(f"{path}: not a workbook that can be read: {' '.join(str(error).split())[:200]}") from None


def list_sheets(data: bytes, path: str | Path) -> list[str]:
    """List the names of the sheets of a workbook that are not empty.

    Args:
        data: the content of the file.
        path: the file, for messages.

    Raises:
        TableError: if it is no workbook.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    _check_size(data, path)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return [name for name in book.sheet_names if book.get_sheet_by_name(name).total_height]
    except (*UNREADABLE, CalamineError, zipfile.BadZipFile) as error:
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
    _refuse_formulas(path, name, without)
    rows = [
        (number, [format_value(cell.value, cell.number_format) for cell in row])
        for number, row in enumerate(sheet.iter_rows(), start=1)
    ]
    merged = [str(area) for area in sheet.merged_cells.ranges if area.max_row > area.min_row]
    hidden = sorted(number for number, size in sheet.row_dimensions.items() if size.hidden)
    columns = [letter for letter, size in sheet.column_dimensions.items() if size.hidden]
    hidden_columns = [f"hidden columns are read too: {', '.join(sorted(columns)[:MAX_LISTED])}"] if columns else []
    notes = [*_describe_layout(merged, hidden), *hidden_columns, *_mark_currencies(rows, _find_currencies(sheet))]
    return _make_grid(rows, name, len(counts), notes)


def _find_currencies(sheet: "Worksheet") -> dict[tuple[int, int], str]:
    """Return the currency of each number that is shown with one, by row and column from 0."""
    formats: dict[str, str] = {}
    found = {}
    for row, cells in enumerate(sheet.iter_rows()):
        for column, cell in enumerate(cells):
            if isinstance(cell.value, int | float) and cell.number_format != "General":
                if cell.number_format not in formats:
                    formats[cell.number_format] = read_format(cell.number_format).currency
                if formats[cell.number_format]:
                    found[row, column] = formats[cell.number_format]
    return found


def _mark_currencies(rows: list[tuple[int, list[str]]], found: Mapping[tuple[int, int], str]) -> list[str]:
    """Note that numbers are shown in a currency; where a column has several, write each behind its number.

    Such cells are then refused one by one, since prices in two currencies are not one quantity.
    """
    from openpyxl.utils import get_column_letter

    notes = []
    for column in sorted({column for _, column in found}):
        own = {row: currency for (row, place), currency in found.items() if place == column}
        counts = Counter(own.values())
        place = f"column {get_column_letter(column + 1)}"
        if len(counts) == 1:
            shown = next(iter(counts))
            notes.append(f"{place}: numbers shown in {shown or 'a currency'} are read without it")
            continue
        listed = ", ".join(
            f"{currency or 'another'} ({count} cell{'s' * (count > 1)})" for currency, count in counts.most_common()
        )
        notes.append(f"{place}: is in several currencies, {listed}; convert them to one")
        for row, currency in own.items():
            rows[row][1][column] += f" {currency}"
    return notes


def _refuse_formulas(path: str | Path, name: str, without: list[str]) -> None:
    """Refuse a sheet with formulas whose results are not stored.

    Raises:
        TableError: naming the cells.
    """
    if without:
        listed = ", ".join(without[:MAX_LISTED]) + (
            f" and {len(without) - MAX_LISTED} more" * (len(without) > MAX_LISTED)
        )
        raise TableError(
            f"{path}: sheet '{name}': {listed}: a formula without a stored result; open the file in a spreadsheet "
            "program and save it, so that results are stored"
        )


def _describe_layout(merged: list[str], hidden: list[int]) -> list[str]:
    """Return notes on merged cells and hidden rows, which a grid does not show."""
    notes = []
    if merged:
        notes.append(
            f"merged cells {', '.join(sorted(merged)[:MAX_LISTED])}: only the first of each holds the value; "
            "list the columns in `table.fill_down` if it holds for all"
        )
    if hidden:
        listed = ", ".join(map(str, hidden[:MAX_LISTED])) + (" and more" if len(hidden) > MAX_LISTED else "")
        notes.append(f"hidden rows are read too: {listed}")
    return notes


def _read_ods_sheet(data: bytes, path: str | Path, wanted: str | None) -> Grid:
    """Read a sheet of an .ods file."""
    sheets = read_ods_sheets(data)
    counts = {name: sum(any(row) for row in sheet.rows) for name, sheet in sheets.items()}
    name = _choose_sheet(counts, path, wanted)
    sheet = sheets[name]
    _refuse_formulas(path, name, sheet.without_result)
    rows = list(enumerate(sheet.rows, start=1))
    notes = [*_describe_layout(sheet.merged, sheet.hidden), *_mark_currencies(rows, sheet.currencies)]
    return _make_grid(rows, name, len(counts), notes)


def _read_xls_sheet(data: bytes, path: str | Path, wanted: str | None) -> Grid:
    """Read a sheet of an .xls file, whose formats are not read."""
    from python_calamine import CalamineError, load_workbook

    try:
        book = load_workbook(io.BytesIO(data))
        cells = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except CalamineError as error:
        raise TableError(f"{path}: not a workbook that can be read: {error}") from None
    counts = {name: sum(any(cell != "" for cell in row) for row in rows) for name, rows in cells.items()}
    name = _choose_sheet(counts, path, wanted)
    rows = [(number, [format_value(cell) for cell in row]) for number, row in enumerate(cells[name], start=1)]
    has_shares = any(isinstance(cell, float) and 0 < cell < 1 for row in cells[name] for cell in row)
    said = "formats of cells are not read from .xls files, so that a cell shown as 91 % is 0.91; save the file as .xlsx"
    return _make_grid(rows, name, len(counts), [said] if has_shares else [])


def _make_grid(rows: list[tuple[int, list[str]]], name: str, n_sheets: int, notes: list[str]) -> Grid:
    """Return the grid of a sheet, without what is empty all around it."""
    width = max((place for _, cells in rows for place, cell in enumerate(cells, start=1) if cell), default=0)
    # every row has as many cells as the widest
    padded = [(number, (cells + [""] * width)[:width]) for number, cells in rows]
    blank = {number for number, cells in padded if not any(cells)}
    said = [f"the sheet '{name}' of {n_sheets} was read"] if n_sheets > 1 else []
    return Grid([row for row in padded if row[0] not in blank], "", blank, [*said, *notes])
