"""Durations in cells: `02:30:00`, `2 h 30 min`, `1 d 4 h`, `PT2H30M`; `2:30` alone has several readings."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

SECONDS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0}
WORDS = {
    "w": "w wk wks week weeks woche wochen",
    "d": "d day days tag tage tagen jour jours",
    "h": "h hr hrs hour hours std stunde stunden heure heures",
    "min": "min mins minute minutes minuten",
    "s": "s sec secs second seconds sek sekunden",
}
IN_COMPOUNDS = {"m": "min"} | {word: unit for unit, words in WORDS.items() for word in words.split()}
# behind one number alone, S is siemens and m a metre
TIME_WORDS = {word: unit for word, unit in IN_COMPOUNDS.items() if len(word) > 1}
# what two numbers with a colon between them are, as headers and `table.units` say it, and the unit that is read
CLOCK_UNITS = {"hh:mm": "h", "mm:ss": "min", "hh:mm:ss": "h"}
SPELLINGS = {"h:mm": "hh:mm", "[h]:mm": "hh:mm", "m:ss": "mm:ss", "min:s": "mm:ss", "min:ss": "mm:ss"}
SPELLINGS |= {"[mm]:ss": "mm:ss", "h:mm:ss": "hh:mm:ss", "[h]:mm:ss": "hh:mm:ss", "[hh]:mm:ss": "hh:mm:ss"}

CLOCK = re.compile(
    r"(?:(?P<days>\d+) days?,? )?(?P<hours>\d{1,5}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d(?:[.,]\d+)?)"
)
SHORT_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d(?:[.,]\d+)?)")
ISO = re.compile(r"P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<min>\d+)M)?(?:(?P<s>\d+(?:[.,]\d+)?)S)?)?(?<=[DHMS])")
PART = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>[a-z]*)\.?(?:\s*,)?\s*(?:(?:and|und|et)\s+)?", re.IGNORECASE)
TIME_OF_DAY = re.compile(r"\d{1,2}(?:[:.]\d{2}){0,2}\s*(?:[ap]\.?m\.?|uhr|o'clock)", re.IGNORECASE)
ROUND = 100  # parts of a unit that people still write, as 0.25 h
SAME = 1e-6  # of such a part


class Duration(NamedTuple):
    """A duration.

    Attributes:
        value: in its unit.
        unit: the largest that it names; hours for `02:30:00`.
        is_clock: whether it is written with colons alone, so that no unit stands in the cell.
    """

    value: float
    unit: str
    is_clock: bool


def find_clock_format(text: str) -> str:
    """Return what colons separate, where headers or settings have a text such as `hh:mm` as a unit; else nothing."""
    plain = re.sub(r"\s+", "", text).lower()
    plain = SPELLINGS.get(plain, plain)
    return plain if plain in CLOCK_UNITS else ""


def find_clock_unit(unit: str) -> str:
    """Return the unit in which cells of a format such as `hh:mm` are read; that of others is their own."""
    return CLOCK_UNITS.get(unit, unit)


def parse_duration(text: str, clock: str = "") -> Duration | None:
    """Parse a duration that is written in several units, or with colons.

    Args:
        text: of the cell, with plain digits and blanks.
        clock: what two numbers with a colon are; not set: such a cell is no duration, since there is no telling.

    Returns:
        The duration, None where a text is none.
    """
    if found := CLOCK.fullmatch(text):
        hours = 24 * int(found["days"] or 0) + int(found["hours"])
        seconds = 3600.0 * hours + 60 * int(found["minutes"]) + _read(found["seconds"])
        return Duration(seconds / SECONDS["h"], "h", found["days"] is None)
    if clock in ("hh:mm", "mm:ss") and (short := SHORT_CLOCK.fullmatch(text)):
        return Duration(int(short[1]) + _read(short[2]) / 60, CLOCK_UNITS[clock], True)
    if found := ISO.fullmatch(text):
        return _add_parts([(float(_read(number)), unit) for unit, number in found.groupdict().items() if number])
    return _parse_parts(text)


def is_short_clock(text: str) -> bool:
    """Return whether a cell is two numbers with a colon between them, which have several readings."""
    return SHORT_CLOCK.fullmatch(text) is not None


def is_ratio(text: str) -> bool:
    """Return whether numbers between colons add up to 100, as those of an electrode of 80:10:10 do."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(map(str.isdigit, parts)):
        return False
    numbers = [int(part) for part in parts]
    return sum(numbers) == 100 and min(numbers) > 0


def is_time_of_day(text: str) -> bool:
    """Return whether a cell says that it is a time of day, as 2:30 pm and 14:30 Uhr."""
    return TIME_OF_DAY.fullmatch(text) is not None


def choose_time_unit(seconds: Sequence[float]) -> str:
    """Return the largest unit up to hours in which durations are numbers as people write them."""
    largest = max(map(abs, seconds), default=0.0)
    units = [unit for unit in ("h", "min", "s") if largest >= SECONDS[unit]] or ["s"]
    for unit in units:
        parts = [ROUND * value / SECONDS[unit] for value in seconds]
        if all(abs(part - round(part)) < SAME for part in parts):
            return unit
    return units[0]


def _read(text: str) -> float:
    """Return a number with a decimal point or comma."""
    return float(text.replace(",", "."))


def _parse_parts(text: str) -> Duration | None:
    """Parse a duration of several numbers with units, as 2 h 30 min; the last may lack its unit, as in 2h30."""
    parts: list[tuple[float, str]] = []
    place = 0
    while place < len(text):
        match = PART.match(text, place)
        if match is None:
            return None
        unit = IN_COMPOUNDS.get(match["unit"].lower(), "")
        if not match["unit"] and parts and match.end() == len(text):
            unit = {"h": "min", "min": "s"}.get(parts[-1][1], "")
        is_last = match.end() == len(text)
        if not unit or (not is_last and not match["number"].isdigit()):
            return None
        parts.append((_read(match["number"]), unit))
        place = match.end()
    sizes = [SECONDS[unit] for _, unit in parts]
    is_falling = all(first > second for first, second in pairwise(sizes))
    return _add_parts(parts) if len(parts) > 1 and is_falling else None


def _add_parts(parts: list[tuple[float, str]]) -> Duration:
    """Return the sum of numbers in units, in the first of these."""
    seconds = sum(number * SECONDS[unit] for number, unit in parts)
    return Duration(seconds / SECONDS[parts[0][1]], parts[0][1], False)
