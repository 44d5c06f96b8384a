"""Read tables of Markdown documents, to hold their numbers against what is computed."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[−+-]?\d+(?:\.\d+)?")


def read_table(document: str, first_columns: str) -> list[dict[str, str]]:
    """Return the rows of the table whose header begins with some columns, without marks of emphasis.

    Args:
        document: path inside the repository.
        first_columns: as many headings as it takes to tell it from the other tables, with bars between them.

    Raises:
        ValueError: if there is no such table, or more than one.
    """
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith(f"| {first_columns} |")]
    if len(starts) != 1:
        raise ValueError(f"{document}: {len(starts)} tables begin with '{first_columns}'")
    header, _, *rest = lines[starts[0] :]
    end = next((place for place, line in enumerate(rest) if not line.startswith("|")), len(rest))
    names = _split_row(header)
    return [dict(zip(names, _split_row(line), strict=True)) for line in rest[:end]]


def _split_row(line: str) -> list[str]:
    """Return the cells of a row."""
    return [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]


def format_like(cell: str, value: float) -> str:
    """Return a number as a document would print it: with as many decimals as the first number of a cell has.

    Raises:
        ValueError: if the cell has no number.
    """
    match = NUMBER.search(cell)
    if match is None:
        raise ValueError(f"'{cell}' has no number")
    decimals = len(match[0].partition(".")[2])
    # adding zero removes the sign of a rounded -0
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def first_number(cell: str) -> str:
    """Return the first number of a cell, with a plain minus sign."""
    match = NUMBER.search(cell)
    return match[0].replace("−", "-") if match else ""
