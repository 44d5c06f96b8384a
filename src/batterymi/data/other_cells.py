"""Cells that are no numbers: what they are instead, and what to write."""

import re

from batterymi.data.durations import TIME_WORDS, is_ratio, is_short_clock, is_time_of_day
from batterymi.vocabulary.unit_table import is_spelling

DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([ T]\d{1,2}:\d{2}.*)?"
    r"|\d{1,2}[-. ]+[A-Za-zäé]{3,9}\.?[-, ]+\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
)
# what spreadsheets make of 1-2 and of 2:1
SHORT_DATE = re.compile(r"\d{1,2}[-. ]+(?P<word>[A-Za-zäé]{3,4})\.?|[A-Z][a-z]{2}[- ]\d{2}")
RATIO_AS_TIME = re.compile(r"\d{1,2}:0\d(?::\d{2})?")
CLOCK = re.compile(r"\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?")
RANGE = re.compile(rf"{DIGITS}\s*(?:-|to|bis|\.\.+)\s*{DIGITS}(?P<unit>\s*\D*)")
SPREADSHEET_ERROR = re.compile(r"#(?:DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)|Err:\d+")
BELOW_DETECTION = re.compile(
    r"[<≤]?\s*(?:lod|loq|lld|dl|bdl|bld|bql|b\.d\.l\.?|b\.q\.l\.?|n\.?w\.?g\.?|not detected|"
    r"below (?:the )?(?:limit|detection).*|undetected)",
    re.IGNORECASE,
)
UNKNOWN = re.compile(r"\?+|\.{2,}|…|tb[acd]|t\.b\.[acd]\.?|unknown|missing|unbekannt|k\.\s?a\.?|x+|\*+", re.IGNORECASE)
MARKED = re.compile(rf"(?P<number>[+-]?{DIGITS}(?:[eE][+-]?\d+)?)\s*(?P<mark>[*†‡?#!]+|\([^()]*\)|\[[^\[\]]*\])")
# tests that ended before what they were to show: 1000+, 1000 (stopped), >1000 (running)
STOPPED = re.compile(
    rf"[<>≤≥]*\s*(?P<number>{DIGITS}(?:[eE][+-]?\d+)?)\s*(?P<unit>[%\w°]*)\s*"
    r"(?:\+|[(\[]?(?:test )?(?:still |was )?(?:stopped|running|ongoing|suspended|terminated|run-?out|censored)[)\]]?)",
    re.IGNORECASE,
)
FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")


def find_other_kind(text: str) -> str:
    """Return what a cell is, where it is a date, a time, a range, a test that was stopped or an error; else nothing."""
    if SPREADSHEET_ERROR.fullmatch(text):
        return "an error of the spreadsheet; correct the formula there, or leave the cell empty"
    if DATE.fullmatch(text):
        return "a date, not a number; write the number, if a spreadsheet has made a date of it"
    if stopped := STOPPED.fullmatch(text):
        number = f"{stopped['number']} {stopped['unit']}".strip()
        return f"not understood; write `>{number}` where a test was stopped before its end, else {number}"
    if is_short_clock(text):
        first, _, second = text.partition(":")
        return (
            f"may be {first} h {second} min, {first} min {second} s, or a time of day; write it as a duration, "
            f"`{first} h {second} min` or `{first} min {second} s`, or say in `table.units` what all such cells of the "
            "column are, `hh:mm` or `mm:ss`"
        )
    if is_time_of_day(text):
        return "a time of day, not a number; write how long it took, as 2.5 in h"
    if CLOCK.fullmatch(text):
        return "a time that no clock shows; write it in the column's unit, as 1.5 for an hour and a half"
    if RANGE.fullmatch(text) and not re.match(rf"{DIGITS}[eE]-", text):
        return "a range; write one number, or one row for each"
    return ""


def is_date_or_time(text: str) -> bool:
    """Return whether a cell is a date, or a time such as 14:30 and 2:30 pm."""
    is_clock = CLOCK.fullmatch(text) is not None and not is_ratio(text)
    return DATE.fullmatch(text) is not None or is_clock or is_time_of_day(text)


def is_like_date(text: str) -> bool:
    """Return whether a cell is a date, or like what spreadsheets make of 1-2 and of 2:1."""
    short = SHORT_DATE.fullmatch(text)
    word = (short["word"] or "") if short else ""
    is_amount = word.lower() in TIME_WORDS or (word != "" and is_spelling(word))
    is_short = short is not None and not is_amount
    is_time = RATIO_AS_TIME.fullmatch(text) is not None and not is_ratio(text)
    return DATE.fullmatch(text) is not None or is_short or is_time


def is_compact_date(number: float) -> bool:
    """Return whether a number is a date written without signs, as 20260314."""
    year, month, day = int(number) // 10000, int(number) // 100 % 100, int(number) % 100
    return 1950 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31


def explain_text(text: str) -> str:
    """Return why a cell that no reading fits is not a number, and what to write."""
    if BELOW_DETECTION.fullmatch(text):
        return "below a limit of detection, which is not given; write the limit, as `<1e-9`"
    if UNKNOWN.fullmatch(text):
        return "not a number; leave the cell empty where nothing is known"
    if marked := MARKED.fullmatch(text):
        return f"'{marked['mark']}' behind the number is not understood; write {marked['number']} alone"
    fraction = FRACTION.fullmatch(text)
    if fraction and int(fraction[2]):
        return f"not a number; if it is a fraction, write {int(fraction[1]) / int(fraction[2]):.6g}"
    return "not a number; write the number alone, or leave the cell empty where there is none"
