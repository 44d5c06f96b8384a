"""The units that columns may have: those of the field, as tables and axes write them, and all that pint knows.

A unit of the table costs nothing to check. Only others, and conversions, need pint, which takes half a second to load.
"""

import csv
import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.errors import BatteryMIError
from batterymi.spelling import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class UnitError(BatteryMIError):
    """A text is not a unit, or two units measure different things."""


@dataclass(frozen=True)
class Unit:
    """A unit of the field.

    Attributes:
        meaning: what it measures, in words.
        pint: the same as pint writes it.
        whole: what a share is counted in; shares of different wholes are not converted into each other.
    """

    meaning: str
    pint: str
    whole: str = ""


with Path(__file__).with_name("units.csv").open(encoding="utf-8", newline="") as _table:
    _ROWS = list(csv.DictReader(_table))
UNITS = {row["unit"]: Unit(row["meaning"], row["pint"], row["whole"]) for row in _ROWS}
# other ways to write them; blanks, dots and raised digits are read anyway
SPELLINGS = {spelling: row["unit"] for row in _ROWS for spelling in row["spellings"].split()}
# what people mean in a header, where the unit itself would be another
HEADER_SPELLINGS = {"c": "°C", "k": "K", "a": "A", "pct": "percent", "wt": "wt%", "wt/pct": "wt%"}
MAX_LENGTH = 40
LEAST_ALIKE = 0.8  # of two texts of which one is a slip, as mAh/gg
# factors with exponents of at most two digits, so that no text keeps pint busy
FACTOR = re.compile(r"([A-Za-zμΩÅ°%_]+)(?:\^|\*\*)?(-?\d{1,2})?|[/*()]|^1(?=/)")
LOGARITHM = re.compile(r"log10\((.+)\)")
ANY = "config/README.md lists those of the field, and any that pint knows will do"
LETTERS = "NWJFTHC"  # single letters that are units beyond the table; to pint, most others are constants


def find_unit(text: str) -> str:
    """Return a unit as tables and axes write it.

    Args:
        text: a unit of the table in any usual spelling, or one that pint knows.

    Raises:
        UnitError: if it is neither; the message suggests one.
    """
    plain = _simplify(text)
    if plain in _spellings():
        return _spellings()[plain]
    if inner := LOGARITHM.fullmatch(plain):
        return f"log10({find_unit(inner[1])})"
    known = sorted({name for simple, name in _spellings().items() if simple.lower() == plain.lower()})
    # where pint makes something else of a unit in other capitals, as milliyears of mA, it is a slip
    if not _is_known_to_pint(text) or (known and not are_convertible(text, known[0])):
        hint = did_you_mean(text, known or UNITS)
        raise UnitError(f"'{text}' is not a unit; {hint if hint.startswith('did') else ANY}")
    return " ".join(text.split())


def find_own_unit(text: str) -> str:
    """Return a unit that is known as tables write it, and any other text as it is: such a unit is not converted.

    Args:
        text: of a study's settings.

    Raises:
        UnitError: if it is nearly a unit that is known, and so most likely a slip; the message suggests that one.
    """
    try:
        return find_unit(text)
    except UnitError as error:
        plain = " ".join(text.split())
        if (header := find_listed_unit(text)) is not None:
            raise UnitError(f"'{text}' is not a unit; did you mean '{header}'?") from None
        close = re.search(r"did you mean '(.+)'", str(error))
        # a whole word more, as in mAh/g_cat, is no slip
        is_slip = close is not None and SequenceMatcher(None, close[1], plain).ratio() >= LEAST_ALIKE
        if is_slip or not plain or len(plain) > MAX_LENGTH:
            raise
        return plain


def is_spelling(text: str) -> bool:
    """Return whether a text is a unit of the table in a usual spelling, capitals included."""
    return _simplify(text) in _spellings() or text in HEADER_SPELLINGS


def is_known_unit(text: str) -> bool:
    """Return whether a unit is one of the table, or one that pint knows."""
    try:
        return bool(find_unit(text))
    except UnitError:
        return False


def find_header_unit(text: str, in_brackets: bool = True) -> str | None:
    """Return the unit that a header of a table names, whatever its capitals; None if it has no unit.

    Args:
        text: the part in brackets, or after the last blank or underscore.
        in_brackets: whether it does; what does not must be a unit of the table.
    """
    listed = find_listed_unit(text)
    if listed is not None:
        is_clear = in_brackets or len(text.strip()) > 1 or text.strip().lower() in "achksv"
        return listed if listed != "1" and is_clear else None
    try:
        return find_unit(text) if in_brackets else None
    except UnitError:
        return None


def find_listed_unit(text: str) -> str | None:
    """Return the unit of the table that a header names, whatever its capitals; None if it is not one of them."""
    for joint in ("/", ""):
        written = _simplify(text).replace("_", joint)
        plain = written.lower()
        if plain in HEADER_SPELLINGS:
            return HEADER_SPELLINGS[plain]
        # the capitals decide where there are two, as mM and mm
        alike = {name for simple, name in _spellings().items() if simple.lower() == plain}
        found = _spellings().get(written, alike.pop() if len(alike) == 1 else None)
        if found is not None or "_" not in text:
            return found
    return None


def convert_units(values: "Array", found: str, wanted: str) -> "Array":
    """Convert numbers from one unit to another.

    Args:
        values: the numbers, any shape.
        found: their unit.
        wanted: the unit to convert to.

    Returns:
        The numbers in that unit; NaN where a logarithm has no value.

    Raises:
        UnitError: if the units measure different things.
    """
    import numpy as np

    if found == wanted:
        return values
    if not are_convertible(found, wanted):
        raise UnitError(f"{found} cannot be converted to {wanted}")
    (source, from_log, _), (target, to_log, _) = _parse(found), _parse(wanted)
    plain = np.power(10.0, values) if from_log else values
    converted = _registry().Quantity(plain, source).to(target).magnitude
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Array = np.where(converted > 0, np.log10(converted), np.nan) if to_log else converted
    return result


def are_convertible(found: str, wanted: str) -> bool:
    """Return whether two units measure the same thing; one that is not known measures the same as itself alone."""
    if found == wanted or not (_can_be_parsed(found) and _can_be_parsed(wanted)):
        return found == wanted
    (source, _, source_whole), (target, _, target_whole) = _parse(found), _parse(wanted)
    return not (source_whole and target_whole and source_whole != target_whole) and bool(
        source.is_compatible_with(target)
    )


def _can_be_parsed(text: str) -> bool:
    """Return whether a unit, or what a logarithm is taken of, is one of the table or one that pint knows."""
    inner = LOGARITHM.fullmatch(text)
    plain = inner[1] if inner else text
    return plain in UNITS or _is_known_to_pint(plain)


@cache
def _spellings() -> dict[str, str]:
    """Return the units of the table by every plain spelling."""
    found = {_simplify(spelling): name for spelling, name in SPELLINGS.items()}
    for name in UNITS:
        above, _, below = name.partition("/")
        if below and "(" not in name:
            letters = below.rstrip("0123456789")
            found[_simplify(f"{above}{letters}-{below[len(letters) :] or 1}")] = name
        found[_simplify(name)] = name
    return found


@cache
def _simplify(text: str) -> str:
    """Return a unit without blanks and signs of multiplication, with plain digits and one sign for each letter."""
    return re.sub(r"[\s·⋅*^]+", "", _use_plain_signs(text))


def _use_plain_signs(text: str) -> str:
    """Return a text with plain digits and signs, as 2 for ² and Å for the sign of ångström."""
    return unicodedata.normalize("NFKC", text.replace("⁻", "-")).replace("−", "-")


def _spell_for_pint(text: str) -> str:
    """Return a unit in pint's own grammar; empty if it is not made of factors."""
    plain = re.sub(r"[·⋅]", "*", _use_plain_signs(text)).strip().replace("**", "^")
    plain = re.sub(r"(?<=[\w)])\s+(?=[\w(])", "*", plain)
    plain = re.sub(r"\s+", "", plain)
    factors = [match[1] for match in FACTOR.finditer(plain) if match[1]]
    is_whole = "".join(match[0] for match in FACTOR.finditer(plain)) == plain
    is_constant = len(plain) == 1 and plain not in LETTERS
    if len(text) > MAX_LENGTH or not factors or not is_whole or is_constant:
        return ""
    return FACTOR.sub(lambda match: f"{match[1]}**{match[2]}" if match[2] else match[0], plain)


@cache
def _is_known_to_pint(text: str) -> bool:
    """Return whether pint knows a unit."""
    spelt = _spell_for_pint(text)
    try:
        return bool(spelt) and _registry().parse_units(spelt) is not None
    except Exception:  # pint raises errors of many kinds, down to those of Python's tokenizer
        return False


def _parse(text: str) -> tuple[Any, bool, str]:
    """Return a known unit as pint's, whether it is a logarithm, and what it is a share of."""
    inner = LOGARITHM.fullmatch(text)
    plain = inner[1] if inner else text
    known = UNITS.get(plain)
    spelt = known.pint if known else _spell_for_pint(plain)
    return _registry().parse_units(spelt), inner is not None, known.whole if known else ""


@cache
def _registry() -> Any:
    """Return pint's units, with those of the field."""
    import pint

    registry: Any = pint.UnitRegistry()
    registry.load_definitions(Path(__file__).with_name("pint_units.txt"))
    return registry
