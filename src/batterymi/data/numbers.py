"""Columns of cells as numbers in one unit, with errors, limits, and what was understood."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Sides
from batterymi.data.cells import COMMAS, DOTTED, POINT, Cell, Decimal, find_empty, parse_cell
from batterymi.data.durations import SECONDS, choose_time_unit, find_clock_format, find_clock_unit, is_ratio
from batterymi.vocabulary.measured import LOWER, UPPER, describe_side
from batterymi.vocabulary.unit_table import are_convertible, convert_units, find_header_unit

PERCENT_UNITS = ("percent", "wt%", "at%", "mol%", "vol%")
GROUP_OF_THREE = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
LEAST_OTHERS, FAR = 100.0, 20.0  # numbers beside which 1.100 may be 1100; how far it must lie from them
FRACTION_MOST, PERCENT_LEAST = 1.0, 20.0  # a share up to 1 among others from 20 on is a fraction among percents
FOOTNOTES = ("a", "b", "c", "e", "f", "k")  # small letters; ampere and kelvin have capitals
SIDES = {"<": UPPER, ">": LOWER, "": 0}


@dataclass(frozen=True)
class Numbers:
    """The numbers of one column.

    Attributes:
        values: shape (n,); NaN where a cell is empty or at fault.
        errors: their uncertainties, NaN where none is given.
        sides: `UPPER` where a value is an upper limit, `LOWER` where it is a lower one, else 0; shape (n,).
        faults: why a cell is not a number, by its place.
        notes: what was understood that a plain number does not say, one line for each kind.
        unit: the unit that most of the cells name that name one, as written; else empty.
    """

    values: Array
    errors: Array
    sides: Sides
    faults: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unit: str = ""


def parse_numbers(cells: pd.Series, unit: str = "1", decimal: Decimal = POINT) -> Numbers:
    """Parse a column of cells as numbers.

    Args:
        cells: texts, shape (n,).
        unit: of the column; cells that name another one are converted, or at fault. One such as `hh:mm` says what
            colons separate, and the numbers are in hours (`mm:ss`: minutes).
        decimal: what separates decimals in the table.

    Returns:
        The numbers, in the unit of the column.
    """
    clock, unit = find_clock_format(unit), find_clock_unit(unit)
    plain = _convert_plain_numbers(cells)
    values, errors = plain.copy(), np.full(len(cells), np.nan)
    sides = np.zeros(len(cells), dtype=np.int8)
    places: Indices = np.flatnonzero(np.isnan(plain) & ~find_empty(cells).to_numpy(bool))
    if decimal.sign == ",":
        # a point separates thousands here, and must not be read as a decimal point
        dotted = cells.astype(str).str.contains(".", regex=False).to_numpy(bool)
        places = np.union1d(places, np.flatnonzero(dotted & ~np.isnan(plain)))
    doubtful = _find_thousands(cells, values, decimal)
    if not len(places) and not doubtful and not clock:
        return Numbers(values, errors, sides)
    texts = [str(cells.iloc[place]) for place in places]
    read = [parse_cell(text, decimal, clock) for text in texts]
    faults = {int(place): cell.fault for place, cell in zip(places, read, strict=True) if cell.fault}
    for place, cell in zip(places, read, strict=True):
        values[place], errors[place], sides[place] = cell.value, cell.error, SIDES[cell.side]
    faults |= {} if clock else _find_ratios(places, texts, read)
    faults |= _find_mixed_clocks(values, places, read, unit, faults, is_declared=clock != "")
    found_unit = _convert_named_units(places, read, unit, (values, errors), faults)
    faults |= _find_mixed_shares(values, places, read, unit)
    faults |= doubtful or _find_thousands(cells, values, decimal)
    for fault in faults:
        values[fault], errors[fault], sides[fault] = np.nan, np.nan, 0
    good = [place not in faults for place in places]
    understood = [(text, cell) for text, cell, is_good in zip(texts, read, good, strict=True) if is_good]
    notes = _describe_reading(understood, values[places[good]], unit, decimal, int(np.isfinite(values).sum()))
    return Numbers(values, errors, sides, faults, notes, found_unit)


def _find_thousands(cells: pd.Series, values: Array, decimal: Decimal) -> dict[int, str]:
    """Return faults of numbers with three decimals that are a thousandth of all others, as 1.100 among 950 and 880."""
    is_large = isinstance(cells.dtype, pd.StringDtype)  # of large files, which have no separators of thousands
    if decimal.is_declared or is_large or cells.dtype.kind in "iufb":
        return {}
    grouped = np.array([bool(GROUP_OF_THREE.fullmatch(str(cell))) for cell in cells], dtype=bool) & np.isfinite(values)
    others = np.abs(values[np.isfinite(values) & ~grouped])
    if not grouped.any() or not len(others) or others.min() < LEAST_OTHERS:
        return {}
    found = {}
    for place in np.flatnonzero(grouped & (np.abs(values) < others.min() / FAR)):
        text, value = str(cells.iloc[place]), abs(values[place])
        if others.min() / FAR < 1000 * value < others.max() * FAR:
            sign = "." if "." in text else ","
            found[int(place)] = (
                f"{text} may be {text.replace(sign, '')} or {text.replace(',', '.')}, which is far from the other "
                f"numbers; set `table.decimal` to '{',' if sign == '.' else '.'}' where '{sign}' separates thousands, "
                f"else to '{sign}'"
            )
    return found


def _convert_plain_numbers(cells: pd.Series) -> Array:
    """Return the numbers of cells that are nothing else, NaN for the others."""
    if isinstance(cells.dtype, pd.StringDtype) and cells.dtype.storage == "pyarrow":
        import pyarrow as pa

        try:
            converted: Array = pa.chunked_array(pa.array(cells)).cast(pa.float64()).to_numpy()
            return converted
        except pa.ArrowInvalid:
            cells = cells.astype(object)
    numbers: Array = pd.to_numeric(cells, errors="coerce").to_numpy(float)
    return numbers


def _convert_named_units(
    places: Indices, read: Sequence[Cell], unit: str, numbers: tuple[Array, Array], faults: dict[int, str]
) -> str:
    """Convert cells that name a unit to that of their column, and add those to the faults where it is another thing.

    Returns:
        The unit that most of the cells name that name one; see `_find_common_unit`.
    """
    named: dict[str, list[tuple[int, Cell]]] = {}
    for place, cell in zip(places, read, strict=True):
        if cell.unit and int(place) not in faults:
            named.setdefault(cell.unit, []).append((int(place), cell))
    for text, cells in named.items():
        found = "C-rate" if text == "C" and unit == "C-rate" else _find_cell_unit(text)
        if found is None:
            faults |= {
                place: f"'{text}' behind the number is not understood; write the number alone" for place, _ in cells
            }
        elif found == unit or (unit in PERCENT_UNITS and found == "percent"):
            continue
        elif are_convertible(found, unit):
            _convert_cells([place for place, _ in cells], numbers, found, unit)
        else:
            what = "has no unit" if unit == "1" else f"is in {unit}"
            advice = "; a duration needs a column with a unit of time, as h"
            for place, cell in cells:
                needs_time = cell.is_duration and unit == "1"
                faults[place] = f"is in {found}, the column {what}{advice if needs_time else ''}"
    return _find_common_unit([cell for cells in named.values() for _, cell in cells])


def _convert_cells(places: Sequence[int], numbers: tuple[Array, Array], found: str, unit: str) -> None:
    """Convert values and errors at some places to the unit of their column."""
    values, errors = numbers
    own = values[places]
    converted = convert_units(own, found, unit)
    # by a difference, since a temperature has an offset
    errors[places] = np.abs(convert_units(own + errors[places], found, unit) - converted)
    # without the last digits, which a conversion leaves
    values[places] = [float(f"{value:.12g}") for value in converted]


def _find_cell_unit(text: str) -> str | None:
    """Return the unit that stands behind a number; None if it is none, as the mark of a footnote in 151a."""
    return "percent" if text == "%" else None if text in FOOTNOTES else find_header_unit(text)


def _find_common_unit(cells: Sequence[Cell]) -> str:
    """Return the unit that cells name, if more than half name it or one that can be converted to it; else nothing."""
    counts = Counter(cell.unit for cell in cells)
    times = [cell for cell in cells if cell.unit in SECONDS]
    if 2 * len(times) > len(cells) and any(cell.is_duration for cell in times):
        return choose_time_unit([cell.value * SECONDS[cell.unit] for cell in times])
    units = {name: _find_cell_unit(name) or "" for name in counts}
    if "C-rate" in units and "C" in units:
        # beside C/10, 1C is no temperature
        units["C"] = "C-rate"
    # as °C and K, of which the first counts
    for name in counts:
        alike = sum(n for other, n in counts.items() if units[other] and are_convertible(units[other], units[name]))
        if 2 * alike > len(cells):
            return name
    return ""


def _find_ratios(places: Indices, texts: Sequence[str], read: Sequence[Cell]) -> dict[int, str]:
    """Return faults of cells such as 80:10:10 where all that look like durations add up to 100."""
    found = {int(p): text for p, text, cell in zip(places, texts, read, strict=True) if cell.is_clock}
    if not all(map(is_ratio, found.values())):
        return {}
    return {
        place: f"numbers that add up to 100, as of a ratio; give each part a column, or write {text} as a duration, "
        f"`{text.replace(':', ' h ', 1).replace(':', ' min ')} s`"
        for place, text in found.items()
    }


def _find_mixed_clocks(
    values: Array, places: Indices, read: Sequence[Cell], unit: str, faults: Collection[int], *, is_declared: bool
) -> dict[int, str]:
    """Return faults of durations such as 02:30:00 among plain numbers, or of these if they are the fewer."""
    pairs = [(int(place), cell) for place, cell in zip(places, read, strict=True)]
    clocks = {place: cell for place, cell in pairs if cell.is_clock and place not in faults}
    with_unit = {place for place, cell in pairs if cell.unit}
    plain = [int(place) for place in np.flatnonzero(np.isfinite(values)) if int(place) not in with_unit]
    if not plain or not (clocks or is_declared):
        return {}
    if is_declared or len(clocks) >= len(plain):
        beside = "the column is declared as one" if is_declared else "all others are"
        return {
            place: f"no duration such as 02:30:00, but {beside}; write it with its unit, as `{values[place]:g} h` or "
            f"`{values[place]:g} min`"
            for place in plain
        }
    wanted = unit if unit in SECONDS else "h"
    return {
        place: f"a duration among plain numbers; write {cell.value * SECONDS[cell.unit] / SECONDS[wanted]:.6g} if "
        f"these are in {wanted}"
        for place, cell in clocks.items()
    }


def _find_mixed_shares(values: Array, places: Indices, read: Sequence[Cell], unit: str) -> dict[int, str]:
    """Return faults of numbers up to 1 without a percent sign, among percents far above."""
    signs = {int(place) for place, cell in zip(places, read, strict=True) if cell.unit == "%"}
    if not signs and unit not in PERCENT_UNITS:
        return {}
    known = values[np.isfinite(values)]
    others = known[known > FRACTION_MOST]
    # a percent sign says what a number is, so that one alone is enough
    n_others = 1 if any(values[place] > FRACTION_MOST for place in signs) else 2
    if unit == "1" or len(others) < n_others or others.min() < PERCENT_LEAST:
        return {}
    low = np.flatnonzero((values > 0) & (values <= FRACTION_MOST))
    return {
        int(place): f"among percents from {others.min():g} on, this may be a fraction; write "
        f"{100 * values[place]:.10g} if it is, or `{values[place]:.10g} %` if it is not"
        for place in low
        if int(place) not in signs
    }


def _describe_reading(
    good: Sequence[tuple[str, Cell]], values: Array, unit: str, decimal: Decimal, n_numbers: int
) -> list[str]:
    """Return what was understood in cells that are read, one line for each kind, with the first of each.

    Args:
        good: texts and what they say.
        values: their numbers in the unit of the column.
        unit: of the column.
        decimal: what separates decimals.
        n_numbers: of the column.
    """
    shown = "percent" if unit == "%" else "" if unit == "1" else unit
    cells = [(text, cell, float(value)) for (text, cell), value in zip(good, values, strict=True)]
    in_column = [
        (text, cell, f"{describe_side(SIDES[cell.side])}{value:g} {shown}".strip()) for text, cell, value in cells
    ]
    own = [item if item[1].is_duration else (*item[:2], _format_cell(item[1])) for item in in_column]
    other = [item for item, (_, cell, value) in zip(in_column, cells, strict=True) if cell.unit and value != cell.value]
    kinds: list[tuple[str, list[tuple[str, Cell, str]]]] = [
        ("read as a value with its error", [item for item in own if np.isfinite(item[1].error)]),
        ("read as an upper limit", [item for item in own if item[1].side == "<"]),
        ("read as a lower limit", [item for item in own if item[1].side == ">"]),
        ("read as a duration", [item for item in in_column if item[1].is_duration]),
        ("in another unit", [item for item in other if not item[1].is_duration]),
        ("read as if exact, though marked as approximate", [item for item in own if item[1].is_about]),
        ("read with commas between thousands", [i for i in own if decimal.sign != "," and COMMAS.search(i[0])]),
        ("read with a decimal comma, unlike the other numbers", _find_lone_commas(own, decimal, n_numbers)),
        ("read with points between thousands", [i for i in own if decimal.sign == "," and DOTTED.search(i[0])]),
    ]
    return [
        f"{len(found)} cell{'' if len(found) == 1 else 's'} {what}: '{found[0][0]}' is {found[0][2]}"
        for what, found in kinds
        if found
    ]


def _find_lone_commas(
    cells: Sequence[tuple[str, Cell, str]], decimal: Decimal, n_numbers: int
) -> list[tuple[str, Cell, str]]:
    """Return the cells with a decimal comma if most numbers of the column have none, so that it may be a slip."""
    found = [item for item in cells if COMMAS.search(item[0])]
    has_points = any("." in text and not DOTTED.search(text) for text, _, _ in cells)
    if decimal.sign != "," or decimal.is_declared or 2 * len(found) > n_numbers:
        return []
    return found if has_points or not decimal.is_usual else []


def _format_cell(cell: Cell) -> str:
    """Return what a cell says."""
    error = f" ± {cell.error:g}" if np.isfinite(cell.error) else ""
    unit = f" {cell.unit}" if cell.unit else ""
    return f"{describe_side(SIDES[cell.side])}{cell.value:g}{error}{unit}"
