"""What a user types into fields: numbers as the table writes them, and what was typed in vain."""

import math
import re
from collections.abc import Mapping

from batterymi.errors import ConfigError

WAS = "was-"  # of a field: what it held when the page was made
POINTS = re.compile(r"[-+]?\d{1,3}(\.\d{3})+")


def read_entry(text: str, decimal: str, where: str) -> float:
    """Return a number that was typed, with the decimals of the study's table.

    Args:
        text: of the field.
        decimal: what separates decimals in the table, "." or ",".
        where: words of the page for the field.

    Raises:
        ConfigError: if it is no number, or one with two readings.
    """
    # a typographic minus, as in a text from which it was copied
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if decimal == "," and POINTS.fullmatch(plain):
        raise ConfigError(
            [
                f"{where}: found '{text}', which has two readings; write {plain.replace('.', '')} or "
                f"{plain.replace('.', ',', 1)}, as in the table; nothing was written"
            ]
        )
    if decimal == "," and plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError([f"{where}: found '{text}'; {_advise(plain)}; nothing was written"])
    return number


def _advise(text: str) -> str:
    """Say how a number is written."""
    with_point = text.replace(",", ".")
    if text.count(",") == 1 and re.fullmatch(r"[-+]?\d*\.\d+", with_point):
        return f"write the decimal point: {with_point}"
    return "give a number, as 12.5"


def list_typed(given: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a form that the user changed, with what was typed.

    Args:
        given: the form; `was-NAME` has what the field NAME held at first, and nothing where it was empty.
    """
    found = {}
    for name, value in given.items():
        if name.startswith((WAS, "table-digest", "settings-digest")) or name == "n":
            continue
        text = value.replace("\r\n", "\n").strip()
        if text != given.get(f"{WAS}{name}", "").replace("\r\n", "\n").strip():
            found[name] = text
    return found


def describe_typed(typed: Mapping[str, str]) -> list[str]:
    """Return a line for each entry, as `b1-01: capacity_mah_g: 160`."""
    return [": ".join([*_name_field(name), text or "(empty)"]) for name, text in typed.items()]


def _name_field(name: str) -> list[str]:
    """Return the words for a field."""
    kind, _, rest = name.partition("-")
    if kind == "result":
        place, _, objective = rest.rpartition("-")
        return [place, objective]
    if kind == "cell":
        line, _, column = rest.partition("-")
        return [f"line {line}", column]
    if kind in ("features", "objectives"):
        column, _, key = rest.rpartition("-")
        return [column, key.replace("_", " ")]
    return [rest or kind.replace("_", " ")]
