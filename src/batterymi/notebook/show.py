"""What notebooks show: HTML in which every text of a study, a table or a file is escaped."""

from collections.abc import Iterable
from html import escape

import pandas as pd

from batterymi.text_safety import make_visible


def show_text(text: object) -> str:
    """Return a text for HTML: markup escaped, control characters visible."""
    return escape(make_visible(str(text)))


def show_list(lines: Iterable[object]) -> str:
    """Return lines as a list of HTML; nothing if there are none."""
    items = "".join(f"<li>{show_text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def show_frame(frame: pd.DataFrame) -> str:
    """Return a table as HTML."""
    cells = frame.map(lambda cell: make_visible(cell) if isinstance(cell, str) else cell)
    cells.columns = [make_visible(str(column)) for column in frame.columns]
    return str(cells.to_html(escape=True, float_format=lambda value: f"{value:.4g}", na_rep="", notebook=True))


def show_block(title: object, *parts: str) -> str:
    """Return parts of HTML under a title."""
    return f"<div><p><b>{show_text(title)}</b></p>{''.join(parts)}</div>"
