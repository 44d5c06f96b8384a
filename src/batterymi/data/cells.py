"""Numbers as people write them into cells: with errors, limits, percent signs, units, powers of ten and separators.

Each cell is read as what it says, or not at all: what has two readings is named, with both.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.data.other_cells import DIGITS, explain_text, find_other_kind
from batterymi.vocabulary.unit_table import are_convertible, convert_units, find_header_unit

# what people and programs write where nothing was measured; "none" is a value, as of an additive
EMPTY = (
    *("", "na", "NA", "n/a", "N/A", "#N/A", "#n/a", "nan", "NaN", "NAN", "null", "NULL", "Null", "<NA>", "<na>"),
    *("-", "--", "---", "–", "—", "/", "//", "nd", "ND", "n.d.", "N.D.", "n.d", "n. d.", "n.a.", "N.A.", "n.a"),
    *("n.m.", "N.M.", "n/d", "N/D", "not determined", "not measured", "not available"),
)
PERCENT_UNITS = ("percent", "wt%", "at%", "mol%", "vol%")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SIGNS = str.maketrans({"−": "-", "‐": "-", "‑": "-", "–": "-", "—": "-", "∓": "±", "％": "%", "＜": "<", "＞": ">"})
BLANKS = re.compile(r"[\s\u00a0\u2000-\u200b\u202f\u205f\ufeff]+")
RAISED = re.compile(r"(10)([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
TIMES = r"\s*(?:x|X|×|·|⋅|∙|•|\*|✕)\s*"
EXPONENT = r"\s*[({]?[+-]?\d+[)}]?"
POWER = rf"(?:[eE]\s*[+-]?\d+|{TIMES}10\s*(?:\^|\*\*)?{EXPONENT}|\s+10\s*(?:\^|\*\*){EXPONENT})"
NUMBER = re.compile(
    rf"""(?P<open>\(?)\s*
    (?:(?P<ten>[+-]?10\s*(?:\^|\*\*){EXPONENT})|(?P<value>[+-]?\s*{DIGITS})(?:\((?P<digits>\d+)\))?(?P<own>{POWER})?)
    (?P<percent>\s*%)?
    (?:\s*(?:±|\+/-|\+-|\\pm)\s*(?P<error>{DIGITS})(?P<power>{POWER})?)?
    \s*(?P<close>\)?)(?P<outer>{POWER})?\s*(?P<unit>(?:[A-Za-zµμΩÅ°%].*)?)""",
    re.VERBOSE,
)
# Ca9Co(PO4)7 is not about 9
ABOUT = re.compile(r"(?:[~≈∼≃]|(?:ca|c|approx)\.|(?:ca|approx|about|circa|etwa)(?= ))\s*(?=[\d.+-])", re.IGNORECASE)
LIMIT = re.compile(r"(<=|>=|<|>|≤|≥|≲|≳|less than|below|under|above|more than|over)\s*(?=[\d.+(~-])", re.IGNORECASE)
BELOW = ("<", "<=", "≤", "≲", "less than", "below", "under")
GROUPED = re.compile(r"(?<![\d.,])[+-]?\d{1,3}(?:[ '’]\d{3})+(?!\d)")
COMMAS = re.compile(r"\d,\d|^,\d")
THOUSANDS = re.compile(r"(?<![\d.,])[+-]?[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
DOTTED = re.compile(r"(?<![\d.,])[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?![\d.])")
BEGINS_AS_NUMBER = re.compile(r"[\s<>~≈≤≥(+\-−]*[\d.,]")
GROUP_OF_THREE = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
LEAST_OTHERS, FAR = 100.0, 20.0  # numbers beside which 1.100 may be 1100; how far it must lie from them
FRACTION_MOST, PERCENT_LEAST = 1.0, 20.0  # a share up to 1 among others from 20 on is a fraction among percents


@dataclass(frozen=True)
class Decimal:
    """What separates decimals in the cells of a table.

    Attributes:
        sign: a point, a comma, or nothing where there is no telling.
        is_sure: whether settings say so, or no cell has two readings.
        is_declared: whether settings say so.
    """

    sign: str
    is_sure: bool = True
    is_declared: bool = False


POINT = Decimal(".")


@dataclass(frozen=True)
class Cell:
    """What one cell says.

    Attributes:
        value: the number; NaN if it has none.
        error: its uncertainty, in the same unit; NaN if none is given.
        side: "<" where it is an upper limit, ">" where it is a lower one, else empty.
        unit: what stands behind it, as written; `%` for a percent sign.
        is_about: whether it says that it is approximate.
        fault: why it is not a number; empty if it is one.
    """

    value: float = float("nan")
    error: float = float("nan")
    side: str = ""
    unit: str = ""
    is_about: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Numbers:
    """The numbers of one column.

    Attributes:
        values: shape (n,); NaN where a cell is empty or at fault.
        errors: their uncertainties, NaN where none is given.
        is_bound: whether a value is an upper limit.
        faults: why a cell is not a number, by its place.
        notes: what was understood that a plain number does not say, one line for each kind.
        unit: the unit that cells name, as written, if all that name one agree; else empty.
    """

    values: Array
    errors: Array
    is_bound: Mask
    faults: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unit: str = ""


def find_empty(cells: pd.Series) -> pd.Series:
    """Return which cells, without blanks around them, say that there is no value."""
    if cells.dtype.kind in "iufb":
        return cells.isna()
    return cells.isna() | cells.isin(EMPTY).astype(bool)


def parse_numbers(cells: pd.Series, unit: str = "1", decimal: Decimal = POINT) -> Numbers:
    """Parse a column of cells as numbers.

    Args:
        cells: texts, shape (n,).
        unit: of the column; cells that name another one are converted, or at fault.
        decimal: what separates decimals in the table.

    Returns:
        The numbers, in the unit of the column.
    """
    plain = _convert_plain_numbers(cells)
    values, errors = plain.copy(), np.full(len(cells), np.nan)
    is_bound = np.zeros(len(cells), dtype=bool)
    places: Indices = np.flatnonzero(np.isnan(plain) & ~find_empty(cells).to_numpy(bool))
    if decimal.sign == ",":
        # a point separates thousands here, and must not be read as a decimal point
        dotted = cells.astype(str).str.contains(".", regex=False).to_numpy(bool)
        places = np.union1d(places, np.flatnonzero(dotted & ~np.isnan(plain)))
    doubtful = _find_thousands(cells, values, decimal)
    if not len(places) and not doubtful:
        return Numbers(values, errors, is_bound)
    texts = [str(cells.iloc[place]) for place in places]
    read = [parse_cell(text, decimal) for text in texts]
    faults = {int(place): cell.fault for place, cell in zip(places, read, strict=True) if cell.fault}
    for place, cell in zip(places, read, strict=True):
        values[place], errors[place], is_bound[place] = cell.value, cell.error, cell.side == "<"
    found_unit = _convert_named_units(places, read, unit, (values, errors), faults)
    faults |= _find_mixed_shares(values, places, read, unit)
    faults |= doubtful or _find_thousands(cells, values, decimal)
    for fault in faults:
        values[fault], errors[fault], is_bound[fault] = np.nan, np.nan, False
    return Numbers(values, errors, is_bound, faults, _describe_reading(texts, read, decimal), found_unit)


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


def find_decimal(cells: Iterable[str], delimiter: str, declared: str | None = None) -> Decimal:
    """Find what separates decimals in a table.

    A comma does if some cell has one that cannot separate thousands, as 188,3 or 0,5, or if semicolons separate cells
    and no number has a point. Where all commas may separate thousands, they do if other numbers have decimal points.

    Args:
        cells: all cells of the table, or those with commas and points.
        delimiter: what separates them.
        declared: the sign that the table's settings name.
    """
    if declared:
        return Decimal(declared, is_declared=True)
    has_commas = has_points = False
    for text in cells:
        if not BEGINS_AS_NUMBER.match(text) or find_other_kind(text):
            continue
        if COMMAS.search(text):
            if COMMAS.search(THOUSANDS.sub("", text)):
                return Decimal(",", is_sure=False)
            has_commas = True
        has_points |= bool(re.search(r"\d\.\d", text))
    if not has_commas or has_points:
        return POINT
    return Decimal("," if delimiter == ";" else "", is_sure=False)


@lru_cache(maxsize=100_000)
def parse_cell(text: str, decimal: Decimal = POINT) -> Cell:
    """Parse one cell that is neither empty nor a plain number.

    Args:
        text: of the cell.
        decimal: what separates decimals in the table.

    Returns:
        What it says, or why it is not a number.
    """
    plain = _normalise_text(text)
    if fault := find_other_kind(plain):
        return Cell(fault=fault)
    limit = LIMIT.match(plain)
    side = "" if not limit else "<" if limit[1].lower() in BELOW else ">"
    rest = plain[limit.end() :] if limit else plain
    about = ABOUT.match(rest)
    rest = rest[about.end() :] if about else rest
    try:
        rest = _remove_separators(rest, decimal)
    except ValueError as error:
        return Cell(fault=str(error))
    match = NUMBER.fullmatch(rest.strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        return Cell(fault=explain_text(plain))
    cell = _read_number(match, side, about is not None)
    if side == ">" and not cell.fault:
        return Cell(
            fault="a lower limit, of which models make no use; write the number itself if it is near, or leave it empty"
        )
    return cell


def _normalise_text(text: str) -> str:
    """Return a cell with plain digits, dashes and blanks."""
    raised = RAISED.sub(lambda found: f"{found[1]}^{found[2].translate(SUPERSCRIPTS)}", text)
    return BLANKS.sub(" ", raised.translate(SIGNS)).strip()


def _remove_separators(text: str, decimal: Decimal) -> str:
    """Return a text without separators of thousands, and with a decimal point.

    Raises:
        ValueError: if the number has two readings.
    """
    text = GROUPED.sub(lambda found: re.sub(r"[ '’]", "", found[0]), text)
    other, pattern = (".", DOTTED) if decimal.sign == "," else (",", THOUSANDS)
    found = pattern.search(text)
    # a number with both signs has one reading: the last one separates decimals
    if found and not decimal.is_sure and not (decimal.sign and decimal.sign in text[found.end() :]):
        number = found[0]
        raise ValueError(
            f"{number} may be {number.replace(other, '')} or {number.replace(other, '.', 1)}; set `table.decimal` to "
            f"'{'.' if other == ',' else ','}' where '{other}' separates thousands, else to '{other}'"
        )
    text = pattern.sub(lambda found: found[0].replace(other, ""), text)
    return re.sub(r"(?<=\d),(?=\d)|^,(?=\d)", ".", text) if decimal.sign == "," else text


def _read_number(match: re.Match[str], side: str, is_about: bool) -> Cell:
    """Return a matched number with its error and unit."""
    unit = (match["percent"] or "").strip() + match["unit"].strip()
    unit = "%" if unit in ("%", "%%") else unit
    if match["ten"]:
        exponent = _find_exponent(match["ten"][match["ten"].index("10") + 2 :])
        sign = "-" if match["ten"].startswith("-") else ""
        return Cell(float(f"{sign}1e{exponent}"), side=side, unit=unit, is_about=is_about)
    mantissa = match["value"].replace(" ", "")
    own, outer = _find_exponent(match["own"]), _find_exponent(match["outer"])
    if match["error"] and match["power"] and not match["own"]:
        # in 3.2 ± 0.1e-4 the power belongs to both by the sense of it, and to the error alone by the letter
        power = _find_exponent(match["power"])
        return Cell(
            fault=f"the power of ten may belong to both numbers or to the error alone; write {mantissa}e{power} ± "
            f"{match['error']}e{power}, or ({mantissa} ± {match['error']})e{power}"
        )
    if match["outer"] and not match["open"] and (match["own"] or match["power"]):
        return Cell(fault="two powers of ten")
    value = float(f"{mantissa}e{own + outer}")
    error = float("nan")
    if match["digits"]:
        decimals = len(mantissa.partition(".")[2])
        error = float(f"{match['digits']}e{own + outer - decimals}")
    elif match["error"]:
        # without a power of its own, an error has that of its value only in brackets: 4.6e-4 ± 0.3 is a slip
        if match["own"] and not match["power"]:
            return Cell(
                fault=f"the error has no power of ten, the value has; write {mantissa}e{own} ± {match['error']}e{own}"
            )
        error = float(f"{match['error']}e{_find_exponent(match['power']) + outer}")
    return Cell(value, error, side, unit, is_about)


def _find_exponent(text: str | None) -> int:
    """Return the exponent of a power of ten; 0 where there is none."""
    found = re.search(r"([+-]?\d+)[)}]?$", (text or "").strip())
    return int(found[1]) if found else 0


def _convert_named_units(
    places: Indices, read: Sequence[Cell], unit: str, numbers: tuple[Array, Array], faults: dict[int, str]
) -> str:
    """Convert cells that name a unit to that of their column, and add those to the faults where it is another thing.

    Returns:
        The unit that cells name, if they agree.
    """
    named = {cell.unit for cell in read if cell.unit and not cell.fault}
    for place, cell in zip(places, read, strict=True):
        if not cell.unit or cell.fault:
            continue
        found = "percent" if cell.unit == "%" else find_header_unit(cell.unit)
        if found is None:
            faults[int(place)] = f"'{cell.unit}' behind the number is not understood; write the number alone"
        elif unit in PERCENT_UNITS and found == "percent":
            continue
        elif unit != found:
            if not are_convertible(found, unit):
                what = "has no unit" if unit == "1" else f"is in {unit}"
                faults[int(place)] = f"is in {found}, the column {what}"
                continue
            for array in numbers:
                array[place] = convert_units(array[[place]], found, unit)[0]
    if len(named) > 1:
        units = [find_header_unit(name) or "" for name in named]
        first = next(cell.unit for cell in read if cell.unit in named)
        # as °C and K, of which the first counts
        return first if all(unit and are_convertible(unit, find_header_unit(first) or "") for unit in units) else ""
    return named.pop() if named else ""


def _find_mixed_shares(values: Array, places: Indices, read: Sequence[Cell], unit: str) -> dict[int, str]:
    """Return faults of numbers up to 1 without a percent sign, among percents far above."""
    signs = {int(place) for place, cell in zip(places, read, strict=True) if cell.unit == "%"}
    if not signs and unit not in PERCENT_UNITS:
        return {}
    known = values[np.isfinite(values)]
    others = known[known > FRACTION_MOST]
    if unit == "1" or len(others) < 2 or others.min() < PERCENT_LEAST:
        return {}
    low = np.flatnonzero((values > 0) & (values <= FRACTION_MOST))
    return {
        int(place): f"among percents from {others.min():g} on, this may be a fraction; write "
        f"{100 * values[place]:.10g} if it is, or `{values[place]:.10g} %` if it is not"
        for place in low
        if int(place) not in signs
    }


def _describe_reading(texts: Sequence[str], read: Sequence[Cell], decimal: Decimal) -> list[str]:
    """Return what was understood in cells, one line for each kind, with the first of each."""
    good = [(text, cell) for text, cell in zip(texts, read, strict=True) if not cell.fault]
    kinds: list[tuple[str, list[tuple[str, Cell]]]] = [
        ("read as a value with its error", [(t, c) for t, c in good if np.isfinite(c.error)]),
        ("read as an upper limit", [(t, c) for t, c in good if c.side == "<"]),
        ("read as if exact, though marked as approximate", [(t, c) for t, c in good if c.is_about]),
        ("read with commas between thousands", [(t, c) for t, c in good if decimal.sign != "," and COMMAS.search(t)]),
        ("read with points between thousands", [(t, c) for t, c in good if decimal.sign == "," and DOTTED.search(t)]),
    ]
    return [
        f"{len(found)} cell{'' if len(found) == 1 else 's'} {what}: '{found[0][0]}' is {_format_cell(found[0][1])}"
        for what, found in kinds
        if found
    ]


def _format_cell(cell: Cell) -> str:
    """Return what a cell was read as."""
    error = f" ± {cell.error:g}" if np.isfinite(cell.error) else ""
    unit = f" {cell.unit}" if cell.unit else ""
    return f"{'at most ' if cell.side else ''}{cell.value:g}{error}{unit}"
