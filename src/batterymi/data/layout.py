"""Where a table begins and ends in a file: lines of names and units, and lines of statistics below the rows."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batterymi.data.cells import EMPTY
from batterymi.data.footers import guess_footer, looks_like_number
from batterymi.data.grids import Grid
from batterymi.data.header_units import split_header
from batterymi.vocabulary.unit_table import find_header_unit

SEARCHED_LINES = 60  # before the header
MOST_HEADER_LINES = 3


@dataclass(frozen=True)
class Layout:
    """Where the names stand, and which rows below are none.

    Attributes:
        header_lines: numbers of the lines that name the columns.
        leave_out: texts of cells by which rows of statistics and notes are known.
    """

    header_lines: tuple[int, ...]
    leave_out: tuple[str, ...] = ()


def guess_layout(grid: Grid) -> Layout:
    """Guess where the names of the columns stand, and which rows at the end are statistics or notes.

    Args:
        grid: all cells of a file.
    """
    first = _guess_header(grid.rows)
    last = first + 1
    while last < min(first + MOST_HEADER_LINES, len(grid.rows) - 1) and _continues_header(grid.rows, first, last):
        last += 1
    header_lines = tuple(number for number, _ in grid.rows[first:last])
    return Layout(header_lines, guess_footer(grid, last))


def _guess_header(rows: Sequence[tuple[int, list[str]]]) -> int:
    """Return the place of the first line that looks like names above numbers; 0 if none does."""
    widths = Counter(len(cells) for _, cells in rows)
    width = max(widths, key=lambda size: (widths[size], size))
    filled = Counter(place for _, cells in rows[-SEARCHED_LINES:] for place, cell in enumerate(cells) if cell)
    most = max(filled.values(), default=0)
    columns = [place for place, count in filled.items() if count >= most / 2]
    for place, (_, cells) in enumerate(rows[:SEARCHED_LINES]):
        names = [cell for cell in cells if cell]
        # a line of metadata has names above few of the columns
        n_named = sum(bool(column < len(cells) and cells[column]) for column in columns)
        if len(cells) != width or len(names) < 2 or n_named < 0.6 * len(columns):
            continue
        if sum(map(looks_like_number, names)) > 0.2 * len(names):
            continue
        below = rows[place + 1 : place + 1 + MOST_HEADER_LINES]
        if any(looks_like_number(cell) for _, row in below for cell in row):
            return place
    return 0


def _continues_header(rows: Sequence[tuple[int, list[str]]], first: int, place: int) -> bool:
    """Return whether a line below the names has units, or tells equal names apart, instead of being a row."""
    cells, above = rows[place][1], [rows[number][1] for number in range(first, place)]
    filled = [cell for cell in cells if cell and cell not in EMPTY]
    if not filled or any(looks_like_number(cell) for cell in filled):
        return False
    if sum(map(_is_like_unit, filled)) * 2 >= len(filled):
        return True
    if not any(looks_like_number(cell) for _, row in rows[place + 1 : place + 3] for cell in row):
        return False
    names = join_names(above)
    has_gap = any(cell and not name for cell, name in zip(cells, names, strict=False))
    # as a second line of names: words above numbers, all different, as a row of results hardly is
    over_numbers = [cell for column, cell in enumerate(cells) if cell in filled and _holds_numbers(rows, place, column)]
    is_named = len(set(filled)) == len(filled) >= 3 and len(over_numbers) * 2 > len(filled)
    return has_gap or len(set(names)) < len(names) or is_named


def _holds_numbers(rows: Sequence[tuple[int, list[str]]], place: int, column: int) -> bool:
    """Return whether most cells of a column, in some rows below a place, are numbers."""
    below = [row[column] for _, row in rows[place + 1 : place + 11] if column < len(row) and row[column] not in EMPTY]
    return sum(map(looks_like_number, below)) * 2 > len(below)


def _is_like_unit(cell: str) -> bool:
    """Return whether a cell is a unit, or ends in one in brackets."""
    inner = split_header(cell)[1] or cell
    return inner.startswith("%") or find_header_unit(inner) is not None


def join_names(lines: Sequence[Sequence[str]]) -> list[str]:
    """Join the lines of a header to one name for each column.

    A unit below a name comes in brackets behind it; any other text follows after a blank. A name that stands once above
    several columns, as in merged cells, counts for each that has a text of its own below.

    Args:
        lines: cells of each line, equally many.
    """
    width = max(map(len, lines), default=0)
    table = [[" ".join(cell.split()) for cell in line] + [""] * (width - len(line)) for line in lines]
    for upper, lower in itertools.pairwise(table):
        for place in range(1, width):
            if not upper[place] and lower[place] and lower[place - 1] and upper[place - 1]:
                upper[place] = upper[place - 1]
    # short names of columns may be units too, as Pm and Eg, so that a line counts as a whole
    has_units = [_is_line_of_units(line) for line in table[1:]]
    names = []
    for parts in zip(*table, strict=True):
        name = parts[0]
        for part, is_unit in zip(parts[1:], has_units, strict=True):
            name = _append_part(name, part, is_unit)
        names.append(name)
    return names


def _is_line_of_units(line: Sequence[str]) -> bool:
    """Return whether most cells of a line are units, or end in one."""
    filled = [cell for cell in line if cell and cell not in EMPTY]
    return sum(map(_is_like_unit, filled)) * 2 > len(filled)


def _append_part(name: str, part: str, is_unit: bool) -> str:
    """Return a name with what stands below it."""
    if not part or (part in EMPTY and name):
        return name
    inner = part.strip("()[]")
    if name and is_unit and (inner.startswith("%") or find_header_unit(inner)):
        # another bracket may hold other things, as the current of a capacity
        return name if find_header_unit(split_header(name)[1]) else f"{name} [{inner}]"
    return f"{name} {part}".strip()
