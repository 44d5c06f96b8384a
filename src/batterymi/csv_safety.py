"""Escaping of text cells in CSV files that a spreadsheet would run as formulas.

A cell that begins with = + - @, a tab or a line break is run as a formula when the file is opened in a spreadsheet,
whoever wrote it. Such a cell gets an apostrophe in front, as OWASP advises; reading takes it away again, so that what
comes back is what was written, with control characters as visible escapes. A spreadsheet that splits at semicolons or
tabs ignores quotation marks in the middle of a line, so what follows one of these within a cell is treated as a cell
too. Numbers, and texts of nothing but digits and signs, stay as they are.
"""

import re
from typing import TYPE_CHECKING, Any

from batterymi.text_safety import make_visible

if TYPE_CHECKING:
    import pandas as pd

# with the full-width signs, which some spreadsheets read like the plain ones
RISKY = r"'*[=+\-@\t\r\n＝＋－＠]"
RISKY_WITHIN = r"""(?:['" ]*[=@＝＠]|['"]*[+\-＋－])"""
# possessive quantifiers never backtrack, so the time grows linearly with the length
HARMLESS = re.compile(r"[+-]++(?:\d[\d.,]*+(?:[eE][+-]?\d++)?+|[-+\s\[\],;:%±]|nan|inf)*+")
BEGINS = re.compile(RISKY)
GUARDED = re.compile(rf"'(?={RISKY})")
BEGINS_WITHIN = re.compile(rf"(?<=[;\t\r\n]){RISKY_WITHIN}[^;\t\r\n]*")
GUARDED_WITHIN = re.compile(rf"(?<=[;\t\r\n])'(?={RISKY_WITHIN})")


def escape_cell(cell: Any) -> Any:
    """Escape a cell that a spreadsheet would run, and show control characters; return any other cell unchanged."""
    if not isinstance(cell, str):
        return cell
    text = BEGINS_WITHIN.sub(lambda found: _add_apostrophe(found[0]), make_visible(cell))
    return _add_apostrophe(text) if BEGINS.match(text) else text


def unescape_cell(cell: Any) -> Any:
    """Undo `escape_cell`."""
    if not isinstance(cell, str):
        return cell
    return GUARDED_WITHIN.sub("", cell[1:] if GUARDED.match(cell) else cell)


def _add_apostrophe(text: str) -> str:
    """Put an apostrophe before a text, unless it consists of numbers."""
    return text if HARMLESS.fullmatch(text) else "'" + text


def escape_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Escape the text cells and the header of a frame."""
    return _map_text(frame, escape_cell)


def unescape_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Undo `escape_frame`."""
    return _map_text(frame, unescape_cell)


def _list_text_columns(frame: "pd.DataFrame") -> list[Any]:
    """List the columns that do not consist of numbers."""
    # truth values, numbers and dates contain no formula
    return [name for name in frame.columns if frame[name].dtype.kind not in "biufcM"]


def _map_text(frame: "pd.DataFrame", change: Any) -> "pd.DataFrame":
    """Apply a function to the text cells and the header of a frame."""
    changed = frame.copy()
    for name in _list_text_columns(frame):
        changed[name] = frame[name].map(change)
    return changed.rename(columns=change)
