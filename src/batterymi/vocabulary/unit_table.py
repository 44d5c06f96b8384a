"""The units that columns may have: those of the field, as tables and axes write them, and all that pint knows.

A unit of the table costs nothing to check. Only others, and conversions, need pint, which takes half a second to load.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
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


UNITS: dict[str, Unit] = {
    "1": Unit("dimensionless: fractions, counts, ratios", "dimensionless"),
    "percent": Unit("parts per hundred", "percent"),
    "wt%": Unit("mass fraction in percent", "percent", "mass"),
    "at%": Unit("fraction of atoms in percent", "percent", "amount"),
    "mol%": Unit("fraction of the amount of substance in percent", "percent", "amount"),
    "vol%": Unit("volume fraction in percent", "percent", "volume"),
    "ppm": Unit("parts per million", "ppm"),
    "eV": Unit("energy; electronvolt", "eV"),
    "meV": Unit("energy; millielectronvolt", "meV"),
    "eV/atom": Unit("energy per atom", "eV/atom"),
    "meV/atom": Unit("energy per atom", "meV/atom"),
    "kJ/mol": Unit("energy per amount", "kJ/mol"),
    "V": Unit("voltage; against Li/Li+ or Na/Na+ where the label says so", "V"),
    "mV": Unit("voltage; millivolt", "mV"),
    "A": Unit("current; ampere", "A"),
    "mA": Unit("current; milliampere", "mA"),
    "mA/cm2": Unit("areal current", "mA/cm**2"),
    "A/m2": Unit("areal current", "A/m**2"),
    "mA/g": Unit("specific current", "mA/g"),
    "C-rate": Unit("current over the current that fills the nominal capacity in one hour", "c_rate"),
    "Ω": Unit("resistance; ohm", "ohm"),
    "Ω cm": Unit("resistivity", "ohm*cm"),
    "Ω cm2": Unit("areal resistance", "ohm*cm**2"),
    "S/cm": Unit("conductivity", "S/cm"),
    "mS/cm": Unit("conductivity", "mS/cm"),
    "S/m": Unit("conductivity", "S/m"),
    "log10(S/cm)": Unit("decimal logarithm of a conductivity in S/cm; `log10(…)` takes any unit", "S/cm"),
    "cm2/s": Unit("diffusion coefficient", "cm**2/s"),
    "m2/s": Unit("diffusion coefficient", "m**2/s"),
    "mAh": Unit("charge", "mA*hour"),
    "Ah": Unit("charge", "A*hour"),
    "mAh/g": Unit("specific capacity", "mA*hour/g"),
    "Ah/kg": Unit("specific capacity", "A*hour/kg"),
    "mAh/cm2": Unit("areal capacity", "mA*hour/cm**2"),
    "mAh/cm3": Unit("volumetric capacity", "mA*hour/cm**3"),
    "Wh": Unit("energy", "W*hour"),
    "kWh": Unit("energy", "kW*hour"),
    "Wh/kg": Unit("specific energy", "W*hour/kg"),
    "Wh/L": Unit("energy density", "W*hour/L"),
    "W/kg": Unit("specific power", "W/kg"),
    "W/(m K)": Unit("thermal conductivity", "W/m/K"),
    "s": Unit("time; second", "s"),
    "min": Unit("time; minute", "minute"),
    "h": Unit("time; hour", "hour"),
    "d": Unit("time; day", "day"),
    "cycles": Unit("number of full cycles", "full_cycle"),
    "log10(cycles)": Unit("decimal logarithm of a number of cycles", "full_cycle"),
    "°C": Unit("temperature", "degC"),
    "K": Unit("temperature or temperature difference", "kelvin"),
    "°C/min": Unit("heating rate", "delta_degC/minute"),
    "K/min": Unit("heating rate", "kelvin/minute"),
    "Pa": Unit("pressure", "Pa"),
    "kPa": Unit("pressure", "kPa"),
    "MPa": Unit("pressure or stress", "MPa"),
    "GPa": Unit("elastic modulus", "GPa"),
    "bar": Unit("pressure", "bar"),
    "mPa s": Unit("viscosity", "mPa*s"),
    "Å": Unit("length; ångström", "angstrom"),
    "pm": Unit("length; picometre", "pm"),
    "nm": Unit("length; nanometre", "nm"),
    "µm": Unit("length; micrometre", "um"),
    "mm": Unit("length; millimetre", "mm"),
    "cm": Unit("length; centimetre", "cm"),
    "m": Unit("length; metre", "m"),
    "°": Unit("angle; degree", "arc_degree"),
    "rad": Unit("angle; radian", "arc_radian"),
    "cm2": Unit("area", "cm**2"),
    "m2": Unit("area", "m**2"),
    "m2/g": Unit("specific surface area", "m**2/g"),
    "Å3": Unit("volume; cubic ångström", "angstrom**3"),
    "cm3": Unit("volume", "cm**3"),
    "mL": Unit("volume", "mL"),
    "L": Unit("volume", "L"),
    "µL": Unit("volume", "uL"),
    "cm3/g": Unit("specific volume", "cm**3/g"),
    "g/cm3": Unit("density", "g/cm**3"),
    "µg": Unit("mass", "ug"),
    "mg": Unit("mass", "mg"),
    "g": Unit("mass", "g"),
    "kg": Unit("mass", "kg"),
    "mg/cm2": Unit("areal mass, as of a coating", "mg/cm**2"),
    "g/m2": Unit("areal mass, as of a coating", "g/m**2"),
    "g/mol": Unit("molar mass", "g/mol"),
    "mmol/g": Unit("amount per mass", "mmol/g"),
    "mol/L": Unit("concentration", "mol/L"),
    "mol/kg": Unit("molality", "mol/kg"),
    "g/L": Unit("concentration", "g/L"),
    "rpm": Unit("speed of rotation", "full_turn/minute"),
    "Hz": Unit("frequency", "Hz"),
    "μB": Unit("magnetic moment; Bohr magneton", "bohr_magneton"),
}
DEFINITIONS = (  # what pint lacks, or wrongly counts as a plain number
    "full_cycle = [full_cycle]",
    "c_rate = [c_rate]",
    "atom = [atom]",
    "arc_degree = [arc]",
    "arc_radian = 57.29577951308232 * arc_degree",
    "full_turn = [full_turn]",
)
# other ways to write them; blanks, dots and raised digits are read anyway
SPELLINGS = {
    "%": "percent",
    "wt.%": "wt%",
    "mass%": "wt%",
    "at.%": "at%",
    "atom%": "at%",
    "degC": "°C",
    "celsius": "°C",
    "degC/min": "°C/min",
    "deg": "°",
    "sec": "s",
    "hours": "h",
    "hour": "h",
    "hr": "h",
    "minutes": "min",
    "days": "d",
    "day": "d",
    "cycle": "cycles",
    "um": "µm",
    "ug": "µg",
    "uL": "µL",
    "A3": "Å3",
    "angstrom": "Å",
    "ohm": "Ω",
    "ohmcm": "Ω cm",
    "ohmcm2": "Ω cm2",
    "M": "mol/L",
    "mol/l": "mol/L",
    "Wh/l": "Wh/L",
    "g/l": "g/L",
    "ml": "mL",
    "l": "L",
    "crate": "C-rate",
}
# what people mean in a header, where the unit itself would be another
HEADER_SPELLINGS = {"c": "°C", "k": "K", "a": "A", "pct": "percent", "wt": "wt%", "wt/pct": "wt%"}
MAX_LENGTH = 40
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
    plain = _simplify(text).lower().replace("_", "/")
    if plain in HEADER_SPELLINGS:
        return HEADER_SPELLINGS[plain]
    alike = {name for simple, name in _spellings().items() if simple.lower() == plain}
    return _spellings().get(_simplify(text), alike.pop() if len(alike) == 1 else None)


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
    """Return whether two units measure the same thing."""
    (source, _, source_whole), (target, _, target_whole) = _parse(found), _parse(wanted)
    return not (source_whole and target_whole and source_whole != target_whole) and bool(
        source.is_compatible_with(target)
    )


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
    for definition in DEFINITIONS:
        registry.define(definition)
    return registry
