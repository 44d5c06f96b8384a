"""Files that are something else than their ending says, known by their first bytes."""

import io
import json
import zipfile
from pathlib import Path

from batterymi.errors import TableError

OLE = b"\xd0\xcf\x11\xe0"  # of workbooks of Excel 97, and of encrypted ones
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".ods", ".xls")
SAVE = "save the table as CSV (UTF-8) or .xlsx, and give that file"
# first bytes, name, and what to do
MAGIC = (
    (b"%PDF", "a PDF document", f"copy the table from it into a spreadsheet, {SAVE}"),
    (b"\x89PNG", "an image (PNG)", f"type the table in, {SAVE}"),
    (b"\xff\xd8\xff", "an image (JPEG)", f"type the table in, {SAVE}"),
    (b"GIF8", "an image (GIF)", f"type the table in, {SAVE}"),
    (b"II*\x00", "an image (TIFF)", f"type the table in, {SAVE}"),
    (b"MM\x00*", "an image (TIFF)", f"type the table in, {SAVE}"),
    (b"\x1f\x8b", "a compressed file (gzip)", "unpack it, and give the file in it"),
    (b"7z\xbc\xaf", "a packed archive (7z)", "unpack it, and give the file in it"),
    (b"Rar!", "a packed archive (RAR)", "unpack it, and give the file in it"),
    (b"BZh", "a compressed file (bzip2)", "unpack it, and give the file in it"),
    (b"\xfd7zXZ", "a compressed file (xz)", "unpack it, and give the file in it"),
    (b"{\\rtf", "a text document (RTF)", f"copy the table from it into a spreadsheet, {SAVE}"),
    (b"\x89HDF", "an HDF5 file", SAVE),
    (b"MATLAB 5.0", "a MATLAB file", SAVE),
    (b"SQLite format 3", "a database (SQLite)", f"export the table from it; {SAVE}"),
    (b"\x80\x04", "a Python pickle", f"{SAVE} (pandas: frame.to_csv)"),
)


def refuse_other_kinds(data: bytes, path: str | Path) -> None:
    """Refuse a file that is not what its ending says.

    Args:
        data: its content.
        path: the file.

    Raises:
        TableError: which says what it is, and what to do.
    """
    suffix = Path(path).suffix.lower()
    found = _find_kind(data, suffix)
    if found:
        what, advice = found
        raise TableError(f"{path}: this is {what}, not {_name_suffix(suffix)}; {advice}")


def _name_suffix(suffix: str) -> str:
    """Return what a file with an ending should be."""
    if suffix in WORKBOOK_SUFFIXES:
        return f"a workbook that can be read as {suffix}"
    return "a Parquet file that can be read" if suffix == ".parquet" else "a table as text"


def _find_kind(data: bytes, suffix: str) -> tuple[str, str] | None:
    """Return what a file is and what to do, if it is not what its ending says."""
    for magic, what, advice in MAGIC:
        if data.startswith(magic):
            return what, advice
    if data.startswith(OLE) and suffix != ".xls":
        if ENCRYPTED in data:
            return "a workbook protected by a password", "open it, remove the password and save it again"
        return "a workbook of Excel 97 (.xls)", "give it the ending .xls"
    if data.startswith(b"PK\x03\x04"):
        return _find_packed_kind(data, suffix)
    if data.startswith(b"PAR1"):
        return None if suffix == ".parquet" else ("a Parquet file", "give it the ending .parquet")
    # other encodings have no such first characters
    start = data[:500].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<body")):
        return "a web page (HTML)", "open it in a spreadsheet program and save it as .xlsx or CSV"
    if start.startswith(b"<?xml"):
        return "an XML file", "open it in a spreadsheet program and save it as .xlsx or CSV"
    if start[:1] in (b"{", b"[") and _is_json(data):
        return "a JSON file", f"{SAVE} (pandas: pandas.read_json, then to_csv)"
    is_binary = data.startswith(OLE) or b"\x00" in data[:1000]
    if suffix in WORKBOOK_SUFFIXES and data and not is_binary:
        return "a text file", "give it the ending .csv"
    return None


def _find_packed_kind(data: bytes, suffix: str) -> tuple[str, str] | None:
    """Return what a packed file is and what to do, if it is not what its ending says."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            # the first entry of OpenDocument files says what they are
            kind = b""
            if "mimetype" in names:
                # no more than that, since a packed entry may be huge
                with archive.open("mimetype") as entry:
                    kind = entry.read(200)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        # damaged workbooks have a message of their own
        return None if suffix in WORKBOOK_SUFFIXES else ("a packed archive (zip)", "unpack it, and give the file in it")
    if any(name.startswith("xl/") for name in names):
        return None if suffix in (".xlsx", ".xlsm") else ("a workbook (.xlsx)", "give it the ending .xlsx")
    if b"spreadsheet" in kind:
        return None if suffix == ".ods" else ("a workbook (.ods)", "give it the ending .ods")
    if any(name.startswith(("word/", "ppt/")) for name in names) or kind:
        return "a document, not a workbook", f"copy the table from it into a spreadsheet, {SAVE}"
    if "Index/Document.iwa" in names:
        return "a workbook of Numbers", f"export it: {SAVE}"
    listed = ", ".join(names[:3])
    return f"a packed archive (zip) with {listed or 'nothing in it'}", "unpack it, and give the file in it"


def _is_json(data: bytes) -> bool:
    """Return whether a text, or its first line, is JSON."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    for part in (text, text.strip().split("\n", 1)[0]):
        try:
            found = json.loads(part)
        except (ValueError, RecursionError):
            continue
        # a header such as [1] may be JSON too
        return isinstance(found, dict) or (isinstance(found, list) and part is text)
    return False
