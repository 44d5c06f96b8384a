"""Units in the headers of tables, as `temperature_c [°C]`."""

import re
from collections.abc import Iterable

import pandas as pd

from batterymi.config.designs import Derived
from batterymi.config.parts import Column

ENDINGS = ("", "_lower_95", "_upper_95", "_predicted", "_engine_mean", "_engine_sd")


def add_units(frame: pd.DataFrame, columns: Iterable[Column | Derived]) -> pd.DataFrame:
    """Add the units of features, objectives and their bounds to the header of a table."""
    units = {column.name + ending: column.unit for column in columns for ending in ENDINGS if column.unit != "1"}
    return frame.rename(columns={name: f"{name} [{unit}]" for name, unit in units.items()})


def strip_units(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove the units from the header of a table."""
    return frame.rename(columns=lambda name: re.sub(r" \[[^\[\]]*\]$", "", str(name)))
