"""Workbooks in the format of LibreOffice, written by hand for tests, since they are zips of XML."""

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

URN = "urn:oasis:names:tc:opendocument:xmlns"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
Cell = tuple[str, str, str]  # kind of value, the value as it is stored, and as it is shown


def make_ods(rows: Sequence[Sequence[Cell]], further: str = "") -> bytes:
    """Return an .ods file with one sheet.

    Args:
        rows: cells.
        further: XML of rows below them.
    """
    lines = "".join(f"<table:table-row>{''.join(map(_write_cell, row))}</table:table-row>" for row in rows)
    names = " ".join(f'xmlns:{name}="{URN}:{name}:1.0"' for name in ("office", "table", "text"))
    table = f'<table:table table:name="S">{lines}{further}</table:table>'
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    content = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}>{body}</office:document-content>'
    manifest = f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{URN}:manifest:1.0"></manifest:manifest>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", ODS)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return stream.getvalue()


def _write_cell(cell: Cell) -> str:
    """Return the XML of a cell."""
    kind, value, shown = cell
    if not kind:
        return "<table:table-cell/>"
    key = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}.get(kind, "value")
    stored = "" if kind == "string" else f' office:{key}="{escape(value)}"'
    return f'<table:table-cell office:value-type="{kind}"{stored}><text:p>{escape(shown)}</text:p></table:table-cell>'
