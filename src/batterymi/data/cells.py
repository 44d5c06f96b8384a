"""Numbers as people write them into cells: with errors, limits, percent signs, units, powers of ten and separators.

Each cell is read as what it says, or not at all: what has two readings is named, with both.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from batterymi.data.durations import TIME_WORDS, parse_duration
from batterymi.data.other_cells import DIGITS, explain_text, find_other_kind

# what people and programs write where nothing was measured; "none" is a value, as of an additive
EMPTY = (
    *("", "na", "NA", "n/a", "N/A", "#N/A", "#n/a", "nan", "NaN", "NAN", "null", "NULL", "Null", "<NA>", "<na>"),
    *("-", "--", "---", "–", "—", "/", "//", "nd", "ND", "n.d.", "N.D.", "n.d", "n. d.", "n.a.", "N.A.", "n.a"),
    *("n.m.", "N.M.", "n/d", "N/D", "not determined", "not measured", "not available"),
)
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SIGNS = str.maketrans({"−": "-", "‐": "-", "‑": "-", "–": "-", "—": "-", "∓": "±", "％": "%", "＜": "<", "＞": ">"})
SIGNS |= str.maketrans({"⩽": "≤", "≦": "≤", "⩾": "≥", "≧": "≥", "℃": "°C", "．": ".", "，": ","})
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
# of a battery: C/10 is a charge in ten hours
RATE = re.compile(rf"({DIGITS})?\s*C\s*/\s*([1-9]\d*(?:\.\d+)?)")
# Ca9Co(PO4)7 is not about 9
ABOUT = re.compile(r"(?:[~≈∼≃]|(?:ca|c|approx)\.|(?:ca|approx|about|circa|etwa)(?= ))\s*(?=[\d.+-])", re.IGNORECASE)
BELOW: tuple[str, ...] = ("<", "<=", "=<", "≤", "≲", "less than", "below", "under", "at most", "up to", "no more than")
BELOW += ("kleiner", "kleiner als", "unter", "höchstens", "inférieur à")
ABOVE: tuple[str, ...] = (
    ">",
    ">=",
    "=>",
    "≥",
    "≳",
    "more than",
    "greater than",
    "larger than",
    "above",
    "over",
    "at least",
)
ABOVE += ("größer", "größer als", "groesser als", "über", "mindestens", "supérieur à")
# the longest sign first, so that >= is not read as > of something
SIDES = "|".join(sorted(map(re.escape, (*BELOW, *ABOVE)), key=len, reverse=True))
LIMIT = re.compile(rf"({SIDES})\s*(?=[\d.+(~≈-])", re.IGNORECASE)
GROUPED = re.compile(r"(?<![\d.,])[+-]?\d{1,3}(?:[ '’]\d{3})+(?!\d)")
COMMAS = re.compile(r"\d,\d|^,\d")
THOUSANDS = re.compile(r"(?<![\d.,])[+-]?[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
DOTTED = re.compile(r"(?<![\d.,])[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?![\d.])")
BEGINS_AS_NUMBER = re.compile(r"[\s<>~≈≤≥(+\-−]*[\d.,]")


@dataclass(frozen=True)
class Decimal:
    """What separates decimals in the cells of a table.

    Attributes:
        sign: a point, a comma, or nothing where there is no telling.
        is_sure: whether settings say so, or no cell has two readings.
        is_declared: whether settings say so.
        is_usual: whether tables whose cells are separated as here have such numbers without quotes.
    """

    sign: str
    is_sure: bool = True
    is_declared: bool = False
    is_usual: bool = True


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
        is_duration: whether it is a time in several units, or with colons between them.
        is_clock: whether it is written with colons alone, so that its unit is not in the cell.
        fault: why it is not a number; empty if it is one.
    """

    value: float = float("nan")
    error: float = float("nan")
    side: str = ""
    unit: str = ""
    is_about: bool = False
    is_duration: bool = False
    is_clock: bool = False
    fault: str = ""


def find_empty(cells: pd.Series) -> pd.Series:
    """Return which cells, without blanks around them, say that there is no value."""
    if cells.dtype.kind in "iufb":
        return cells.isna()
    return cells.isna() | cells.isin(EMPTY).astype(bool)


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
                return Decimal(",", is_sure=False, is_usual=delimiter not in ("", ","))
            has_commas = True
        has_points |= bool(re.search(r"\d\.\d", text))
    if not has_commas or has_points:
        return POINT
    return Decimal("," if delimiter == ";" else "", is_sure=False)


@lru_cache(maxsize=100_000)
def parse_cell(text: str, decimal: Decimal = POINT, clock: str = "") -> Cell:
    """Parse one cell that is neither empty nor a plain number.

    Args:
        text: of the cell.
        decimal: what separates decimals in the table.
        clock: what colons separate in the column, as `hh:mm`, where headers or settings say so.

    Returns:
        What it says, or why it is not a number.
    """
    plain = _normalise_text(text)
    limit = LIMIT.match(plain)
    side = "" if not limit else "<" if limit[1].lower() in BELOW else ">"
    rest = plain[limit.end() :] if limit else plain
    about = ABOUT.match(rest)
    rest = rest[about.end() :] if about else rest
    if duration := parse_duration(rest.strip(), clock):
        return Cell(
            duration.value,
            side=side,
            unit=duration.unit,
            is_about=about is not None,
            is_duration=True,
            is_clock=duration.is_clock,
        )
    if rate := RATE.fullmatch(rest.strip()):
        return Cell(float(rate[1] or 1) / float(rate[2]), side=side, unit="C-rate", is_about=about is not None)
    if fault := find_other_kind(rest.strip()):
        return Cell(fault=fault)
    try:
        rest = _remove_separators(rest, decimal)
    except ValueError as error:
        return Cell(fault=str(error))
    match = NUMBER.fullmatch(rest.strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        return Cell(fault=explain_text(plain))
    return _read_number(match, side, about is not None)


def _normalise_text(text: str) -> str:
    """Return a cell with plain digits, dashes and blanks."""
    raised = RAISED.sub(lambda found: f"{found[1]}^{found[2].translate(SUPERSCRIPTS)}", text)
    # as web pages write < and >
    plain = raised.replace("&lt;", "<").replace("&gt;", ">")
    return BLANKS.sub(" ", plain.translate(SIGNS)).strip()


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
    unit = "%" if unit in ("%", "%%") else TIME_WORDS.get(unit.lower().rstrip("."), unit)
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
    if match["open"] and not match["outer"] and not match["error"]:
        number = mantissa + (match["own"] or "")
        return Cell(fault=f"may be -{number}, as accountants write it, or {number} in brackets; write one of them")
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
