"""Text cells of CSV files that a spreadsheet would take for formulas.

A cell that begins with = + - @, a tab or a line break is run as a formula when the file is opened in a spreadsheet,
whoever wrote it. Such a cell gets an apostrophe in front, as OWASP advises; reading takes it away again, so that what
comes back is what was written. A spreadsheet that splits at semicolons or tabs heeds no quotation marks in the middle
of a line, so what stands behind one of these within a cell is treated as a cell too. Numbers, and texts of nothing but
digits and signs, stay as they are.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

RISKY = r"'*[=+\-@\t\r\n＝＋－＠]"
RISKY_WITHIN = r"""(?:['" ]*[=@＝＠]|['"]*[+\-＋－])"""
# tokens are taken whole and for good, so that the time grows with the length and no faster
HARMLESS = re.compile(r"[+-]++(?:\d[\d.,]*+(?:[eE][+-]?\d++)?+|[-+\s\[\],;:%±]|nan|inf)*+")
BEGINS = re.compile(RISKY)
GUARDED = re.compile(rf"'(?={RISKY})")
BEGINS_WITHIN = re.compile(rf"(?<=[;\t\r\n]){RISKY_WITHIN}[^;\t\r\n]*")
GUARDED_WITHIN = re.compile(rf"(?<=[;\t\r\n])'(?={RISKY_WITHIN})")


def guard(cell: Any) -> Any:
    """A cell that no spreadsheet runs; anything but risky text as it is."""
    if not isinstance(cell, str):
        return cell
    text = BEGINS_WITHIN.sub(lambda found: _marked(found[0]), cell)
    return _marked(text) if BEGINS.match(text) else text


def unguard(cell: Any) -> Any:
    """The cell that `guard` was given."""
    if not isinstance(cell, str):
        return cell
    return GUARDED_WITHIN.sub("", cell[1:] if GUARDED.match(cell) else cell)


def _marked(text: str) -> str:
    """A text with an apostrophe before it, unless it is made of numbers."""
    return text if HARMLESS.fullmatch(text) else "'" + text


def guard_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame with its text cells and its header guarded."""
    return _mapped(frame, guard)


def unguard_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame that `guard_frame` was given."""
    return _mapped(frame, unguard)


def holds_return(frame: "pd.DataFrame") -> bool:
    """Whether a text or a name in the header holds a carriage return."""
    texts = (frame[name] for name in _texts(frame))
    return any("\r" in str(cell) for part in (frame.columns, *texts) for cell in part)


def _texts(frame: "pd.DataFrame") -> list[Any]:
    """Names of the columns that are not numbers throughout."""
    return [name for name in frame.columns if frame[name].dtype.kind not in "biufcM"]


def _mapped(frame: "pd.DataFrame", change: Any) -> "pd.DataFrame":
    """The frame with a function applied to text cells and header."""
    changed = frame.copy()
    for name in _texts(frame):
        changed[name] = frame[name].map(change)
    return changed.rename(columns=change)
