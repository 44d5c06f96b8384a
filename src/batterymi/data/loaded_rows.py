"""Rows as they were read, under the names of a study's columns, with what was understood on the way."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from batterymi.data.cells import POINT, Decimal
from batterymi.data.header_units import Conversion


@dataclass(frozen=True)
class LoadedRows:
    """Rows before any check.

    Attributes:
        frame: cells under the names that the study gives to columns; the index holds line numbers.
        n_in: rows of the file, those that settings leave out not among them.
        conversions: columns that the file has in another unit, by name.
        digests: SHA-256 of the file, by its path.
        decimal: what separates decimals in cells.
        left_out: one entry for each row that settings leave out.
        faults: one entry for each row or cell that was found wrong so far, as rows that look like statistics.
        notes: what was understood about the file.
        hint: what settings it seems to need.
    """

    frame: pd.DataFrame
    n_in: int
    conversions: dict[str, Conversion]
    digests: dict[str, str]
    decimal: Decimal = POINT
    left_out: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hint: str = ""
