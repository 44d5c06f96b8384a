"""Sheets of .ods workbooks as text cells, with percents, dates and times as they are shown."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree

from batterymi.data.cell_formats import Format, format_duration, format_number, format_value

NAMES = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
OFFICE, TABLE, TEXT = (f"{{{NAMES.format(name)}}}" for name in ("office", "table", "text"))
SOURCE = f"{TABLE}table-source"
CELLS = (f"{TABLE}table-cell", f"{TABLE}covered-table-cell")
TIME = re.compile(r"(-?)P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?")
Cell = tuple[ElementTree.Element | None, str]
MOST_CELLS = 50_000_000  # of a sheet, whose rows may say that they repeat


class OdsSheet:
    """A sheet as it is read.

    Attributes:
        rows: cells as text, one list for each row.
        currencies: currency of each cell that has one, by row and column from 0.
        without_result: addresses of formulas without a stored result.
        hidden: numbers of hidden rows, from 1.
        merged: addresses of cells that several rows share.
    """

    def __init__(self) -> None:
        """Make an empty sheet."""
        self.rows: list[list[str]] = []
        self.currencies: dict[tuple[int, int], str] = {}
        self.without_result: list[str] = []
        self.hidden: list[int] = []
        self.merged: list[str] = []

    def note_cells(self, row: int, cells: list[Cell]) -> None:
        """Note what the texts of a row, counted from 0, do not show."""
        from openpyxl.utils import get_column_letter

        for column, (cell, text) in enumerate(cells):
            if cell is None:
                continue
            address = f"{get_column_letter(column + 1)}{row + 1}"
            if f"{TABLE}formula" in cell.attrib and f"{OFFICE}value-type" not in cell.attrib:
                self.without_result.append(address)
            if cell.get(f"{OFFICE}value-type") == "currency":
                self.currencies[row, column] = cell.get(f"{OFFICE}currency", "")
            spanned = int(cell.get(f"{TABLE}number-rows-spanned", "1"))
            if text and spanned > 1:
                self.merged.append(f"{address}:{get_column_letter(column + 1)}{row + spanned}")


def read_ods_sheets(data: bytes) -> dict[str, OdsSheet]:
    """Read all sheets of an .ods workbook.

    Raises:
        ValueError: if it is no such workbook, or a sheet is far too large.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = archive.read("content.xml")
    try:
        # expat limits how far entities may grow, and the size was checked
        root = ElementTree.fromstring(content)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ValueError(f"content.xml: {error}") from None
    # of links to other files there are copies, which are no sheets
    tables = [
        table for table in root.iterfind(f"{OFFICE}body/{OFFICE}spreadsheet/{TABLE}table") if table.find(SOURCE) is None
    ]
    return {str(table.get(f"{TABLE}name", "")): _read_sheet(table) for table in tables}


def _read_sheet(table: ElementTree.Element) -> OdsSheet:
    """Read one sheet; empty rows at its end, of which there are a million, are left out."""
    sheet = OdsSheet()
    n_empty = n_cells = 0
    for element in table.iter(f"{TABLE}table-row"):
        repeated = int(element.get(f"{TABLE}number-rows-repeated", "1"))
        cells = list(_list_cells(element))
        sheet.note_cells(n_empty + len(sheet.rows), cells)
        while cells and not cells[-1][1]:
            cells.pop()
        if not cells:
            n_empty += repeated
            continue
        n_cells += repeated * len(cells) + n_empty
        if n_cells > MOST_CELLS:
            raise ValueError(f"more than {MOST_CELLS:,} cells")
        sheet.rows += [[] for _ in range(n_empty)]
        n_empty = 0
        sheet.rows += [[text for _, text in cells] for _ in range(repeated)]
        if element.get(f"{TABLE}visibility") in ("collapse", "filter"):
            sheet.hidden += range(len(sheet.rows) - repeated + 1, len(sheet.rows) + 1)
    return sheet


def _list_cells(row: ElementTree.Element) -> Iterator[Cell]:
    """Yield the cells of a row with their texts, repeated ones one by one; empty ones as None."""
    blank = 0
    for cell in row:
        if cell.tag not in CELLS:
            continue
        repeated = int(cell.get(f"{TABLE}number-columns-repeated", "1"))
        text = "" if cell.tag == CELLS[1] else _read_cell(cell)
        if not text and f"{TABLE}formula" not in cell.attrib:
            # of a row's empty end there are thousands
            blank += repeated
            continue
        for _ in range(blank):
            yield None, ""
        blank = 0
        for _ in range(repeated):
            yield cell, text


def _read_cell(cell: ElementTree.Element) -> str:
    """Return a cell as text."""
    kind, value = cell.get(f"{OFFICE}value-type", ""), cell.get(f"{OFFICE}value", "")
    shown = "\n".join(_read_text(part) for part in cell if part.tag == f"{TEXT}p").strip()
    if kind in ("float", "currency", "percentage") and value and not shown.startswith(("#", "Err:")):
        return format_number(float(value), Format(is_percent=kind == "percentage"))
    if kind == "date":
        try:
            return format_value(datetime.fromisoformat(cell.get(f"{OFFICE}date-value", "")))
        except ValueError:
            return shown
    if kind == "time" and (found := TIME.fullmatch(cell.get(f"{OFFICE}time-value", ""))):
        # without seconds the reader of the sheet cannot tell 2:30 h from 2:30 min either
        if re.fullmatch(r"\d+:\d{2}(?:\s*[APap][Mm])?", shown):
            return shown
        days, hours, minutes = (int(found[place] or 0) for place in (2, 3, 4))
        seconds = float((found[5] or "0").replace(",", "."))
        total = 86400 * days + 3600 * hours + 60 * minutes + seconds
        return format_duration(-total if found[1] else total)
    if kind == "boolean":
        return str(cell.get(f"{OFFICE}boolean-value") == "true")
    return format_value(cell.get(f"{OFFICE}string-value", "") or shown)


def _read_text(paragraph: ElementTree.Element) -> str:
    """Return the text of a paragraph; repeated blanks and tabs are elements."""
    parts = [paragraph.text or ""]
    for child in paragraph:
        if child.tag == f"{TEXT}s":
            parts.append(" " * int(child.get(f"{TEXT}c", "1")))
        elif child.tag in (f"{TEXT}tab", f"{TEXT}line-break"):
            parts.append(" ")
        elif not child.tag.startswith(OFFICE):
            parts.append(_read_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
