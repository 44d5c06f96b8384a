"""What the format of a workbook's cell says beside its number: percents, currencies, units, and parts of times."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from batterymi.csv_safety import unescape_cell
from batterymi.vocabulary.unit_table import find_header_unit

LITERAL = re.compile(r'"([^"]*)"|\\(.)')
LOCALE = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
BRACKETS = re.compile(r"\[[^\]]*\]")
CURRENCY = re.compile(r"[$€£¥₩₹₽]|\b(?:EUR|USD|GBP|CHF|JPY|CNY)\b")
DIGIT = re.compile(r"[0#?]")
MOST_CLEAR = 1e15  # beyond which a float holds no single digits


class Format(NamedTuple):
    """What a number format says of its numbers.

    Attributes:
        is_percent: whether a share is shown as percent.
        currency: the sign or code of a currency; empty if there is none.
        unit: a unit behind the number, as in `0.0" mV"`; empty if there is none.
    """

    is_percent: bool = False
    currency: str = ""
    unit: str = ""


def read_format(text: str) -> Format:
    """Read a number format of a spreadsheet, as `0.0%`, `[$€-407] #,##0.00` or `0" mV"`."""
    positive = _split_sections(text)[0]
    literals = [quoted or escaped for quoted, escaped in LITERAL.findall(positive)]
    symbols = "".join(LOCALE.findall(positive))
    bare = BRACKETS.sub("", LITERAL.sub("", positive))
    currency = CURRENCY.search(" ".join([symbols, *literals, bare]))
    places = [match.end() for match in DIGIT.finditer(BRACKETS.sub("", positive))]
    behind = BRACKETS.sub("", positive)[places[-1] :] if places else ""
    unit = "".join(quoted or escaped for quoted, escaped in LITERAL.findall(behind)).strip()
    is_unit = bool(unit) and currency is None and (unit == "%" or find_header_unit(unit) is not None)
    return Format("%" in bare, currency[0] if currency else "", unit if is_unit else "")


def _split_sections(text: str) -> list[str]:
    """Return the parts of a format for positive, negative and other numbers."""
    sections, is_quoted = [""], False
    for sign in text:
        is_quoted ^= sign == '"'
        if sign == ";" and not is_quoted:
            sections.append("")
        else:
            sections[-1] += sign
    return sections


def format_value(value: Any, number_format: str = "") -> str:
    """Return a cell as text, as a person sees it: a share in percent, a time without seconds if none are shown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float | int):
        return format_number(value, read_format(number_format) if number_format not in ("", "General") else Format())
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date().isoformat()
        return value.isoformat(sep=" ", timespec="auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, time):
        return _format_time(value, BRACKETS.sub("", LITERAL.sub("", number_format)).lower())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return format_duration(value.total_seconds())
    return str(unescape_cell(str(value).strip()))


def format_number(value: float, shown: Format) -> str:
    """Return a number as text, with what its format says behind it; currencies are left to notes."""
    if shown.is_percent:
        return f"{100 * value:.12g}%"
    is_whole = float(value).is_integer() and abs(value) < MOST_CLEAR
    text = str(int(value)) if is_whole else repr(float(value))
    return f"{text} {shown.unit}" if shown.unit else text


def format_duration(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds, as 26:30:00, to a millisecond."""
    whole, thousandths = divmod(round(abs(seconds) * 1000), 1000)
    hours, minutes = whole // 3600, whole % 3600 // 60
    fraction = f".{thousandths:03d}".rstrip("0") if thousandths else ""
    return f"{'-' if seconds < 0 else ''}{hours}:{minutes:02d}:{whole % 60:02d}{fraction}"


def _format_time(value: time, shown: str) -> str:
    """Return a time of a clock, without seconds and with am or pm as its format says; in full without a format."""
    if "am/pm" in shown or "a/p" in shown:
        return value.strftime("%I:%M:%S %p" if "s" in shown else "%I:%M %p").lower()
    if shown in ("", "general") or "s" in shown:
        return value.isoformat()
    return f"{value.hour}:{value.minute:02d}"
