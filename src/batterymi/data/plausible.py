"""Values that a table can hardly hold: noted by a check, since a slip of a unit looks like a result."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from batterymi.config.parts import Column
from batterymi.vocabulary.unit_table import are_convertible, convert_units

MOST_LISTED = 3
# shares that are hardly ever below 1 % in all rows
LARGE_SHARES = {
    "efficiency",
    "ce",
    "coulombic",
    "ice",
    "retention",
    "density",
    "soc",
    "soh",
    "dod",
    "porosity",
    "yield",
    "purity",
}
LEAST_SHARES = 3  # values
PER_CYCLE = "cycle|cycling|charge|charging|discharge|discharging"


class PlausibleRange(NamedTuple):
    """What a quantity is hardly outside of.

    Attributes:
        unit: of the range; columns in other units are converted.
        words: one of which the column is named by; empty if the unit alone says enough.
        low: lower end.
        high: upper end.
        why: what is beyond it.
    """

    unit: str
    words: str
    low: float
    high: float
    why: str


RANGES = (
    PlausibleRange("mAh/g", "", 0, 4500, "lithium itself has 3862 mAh/g"),
    PlausibleRange("Wh/kg", "", 0, 15000, "lithium and oxygen together have 11,700 Wh/kg of lithium"),
    PlausibleRange("mAh", "capacity|capacities", 0, 1e6, "a capacity is not negative"),
    PlausibleRange("percent", "efficiency|ce|coulombic|ice", 0, 110, "more comes out than went in"),
    PlausibleRange("percent", "retention", 0, 150, "a retention is the share that is left"),
    PlausibleRange("percent", "porosity|soc|yield|humidity|purity", 0, 100, "a share is 0 to 100 %"),
    PlausibleRange("V", "", -6, 100, "cells have a few volts"),
    PlausibleRange("C-rate", "", 0, 10000, "a rate is not negative"),
    PlausibleRange("h", PER_CYCLE, 0, 1000, "1000 h are 42 days"),
    PlausibleRange("h", "", 0, 1e6, "a time is not negative"),
    PlausibleRange("K", "", 0, 4000, "nothing is colder than 0 K"),
    PlausibleRange("S/cm", "", 0, 1e6, "silver has 630,000 S/cm"),
    PlausibleRange("g/cm3", "", 0, 23, "osmium has 22.6 g/cm3"),
    PlausibleRange("um", "", 0, 1e7, "a length is not negative"),
    PlausibleRange("1", "ph", -2, 16, "a pH is 0 to 14"),
)


def list_implausible(rows: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Return a sentence for each column with values that can hardly be, with up to three of them.

    Args:
        rows: the numbers of a study's columns, with the lines of the file in `line`.
        columns: features and objectives; those whose settings give their possible range are not judged again.
    """
    found = [line for column in columns if (line := describe_fractions(rows, column))]
    for column in columns:
        if column.valid or column.name not in rows or rows[column.name].dtype.kind not in "iuf":
            continue
        if (plausible := _find_range(column)) is None:
            continue
        values = rows[column.name].to_numpy(float)
        converted = np.asarray(convert_units(values, column.unit, plausible.unit), float)
        slack = 1e-9 * (plausible.high - plausible.low)
        places = np.flatnonzero((converted < plausible.low - slack) | (converted > plausible.high + slack))
        if len(places):
            unit = "" if column.unit == "1" else f" {column.unit}"
            listed = ", ".join(f"line {rows['line'].iloc[i]}: {values[i]:g}{unit}" for i in places[:MOST_LISTED])
            more = f" and {len(places) - MOST_LISTED} more" if len(places) > MOST_LISTED else ""
            ends = f"{plausible.low:g} to {plausible.high:g}{'' if plausible.unit == '1' else f' {plausible.unit}'}"
            found.append(
                f"{column.name}: {listed}{more}: hardly possible, usual is {ends} ({plausible.why}); correct the value "
                "or the unit, or give the possible range as `valid`, outside of which rows are refused"
            )
    return found


def describe_fractions(rows: pd.DataFrame, column: Column) -> str:
    """Return a sentence on percents that are all at most 1, as fractions are; nothing where they are none.

    Args:
        rows: the numbers of a study's columns.
        column: a feature or an objective.
    """
    words = set(re.split(r"[^a-z]+", f"{column.name} {column.label}".lower()))
    if column.unit != "percent" or not words & LARGE_SHARES or column.name not in rows:
        return ""
    known = rows[column.name].dropna().to_numpy(float)
    if len(known) < LEAST_SHARES or not (known > 0).any() or known.max() > 1 or known.min() < 0:
        return ""
    return (
        f"{column.name}: all values are at most {known.max():g} percent: are they fractions? Then multiply them by "
        f"100, or say so in `table.units: {{{column.name}: '1'}}`, and they are converted"
    )


def _find_range(column: Column) -> PlausibleRange | None:
    """Return the first range that fits a column's unit and name; none for a logarithm, or a unit of another kind."""
    words = set(re.split(r"[^a-z]+", f"{column.name} {column.label}".lower()))
    for plausible in RANGES:
        if plausible.words and not words & set(plausible.words.split("|")):
            continue
        if column.unit == plausible.unit or _is_same_kind(column.unit, plausible.unit):
            return plausible
    return None


def _is_same_kind(unit: str, wanted: str) -> bool:
    """Return whether a unit can be converted to that of a range; shares and logarithms only to themselves."""
    if "1" in (unit, wanted) or "percent" in (unit, wanted) or unit.startswith("log10") or wanted == "C-rate":
        return False
    return are_convertible(unit, wanted)
