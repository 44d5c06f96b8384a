"""Tables for people: units in the header, as `temperature_c [°C]`."""

import re
from collections.abc import Iterable

import pandas as pd

from batterymi.config.designs import Derived
from batterymi.config.parts import Column

ENDINGS = ("", "_lower_95", "_upper_95", "_predicted")


def with_units(frame: pd.DataFrame, columns: Iterable[Column | Derived]) -> pd.DataFrame:
    """The table with the units of features, objectives and their bounds in its header."""
    units = {column.name + ending: column.unit for column in columns for ending in ENDINGS if column.unit != "1"}
    return frame.rename(columns={name: f"{name} [{unit}]" for name, unit in units.items()})


def without_units(frame: pd.DataFrame) -> pd.DataFrame:
    """The table under the names of its columns."""
    return frame.rename(columns=lambda name: re.sub(r" \[[^\[\]]*\]$", "", str(name)))
