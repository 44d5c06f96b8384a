"""Columns of numbers in the unit of a study, with errors and limits that stand in their cells."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from batterymi.data.cells import POINT, Decimal, find_empty
from batterymi.data.header_units import Conversion
from batterymi.data.numbers import Numbers, parse_numbers
from batterymi.data.schema import make_fault

NO_VALUE = "no value; every row needs a number here"


@dataclass(frozen=True)
class NumberColumn:
    """The numbers of one column of a table, all indexed by line.

    Attributes:
        values: in the unit of the study, NaN where there is none.
        errors: standard deviations that cells give, in the same unit, NaN where a cell gives none.
        sides: `UPPER` where the cell says that the value is an upper limit, `LOWER` where it is a lower one, else 0.
        faults: cells that are empty, words or not finite, each as an entry of a list of faults.
        notes: what was understood in cells that are no plain numbers.
    """

    values: pd.Series
    errors: pd.Series
    sides: pd.Series
    faults: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_number_column(
    cells: pd.Series,
    name: str,
    needed: pd.Series,
    unit: str = "1",
    conversion: Conversion | None = None,
    decimal: Decimal = POINT,
) -> NumberColumn:
    """Turn the cells of one column into numbers in the unit of the study.

    Args:
        cells: as read; the index holds line numbers.
        name: of the column, for messages.
        needed: whether a row needs a number here.
        unit: of the study's column.
        conversion: if the file has the column in another unit.
        decimal: what separates decimals in cells.
    """
    read = parse_numbers(cells, conversion.found if conversion else unit, decimal)
    numbers, errors = pd.Series(read.values, cells.index), pd.Series(read.errors, cells.index)
    if conversion:
        converted = conversion.convert_to_study(numbers)
        # by a difference, since a temperature has an offset and a logarithm bends
        errors = (conversion.convert_to_study(numbers + errors) - converted).abs()
    else:
        converted = numbers
    return NumberColumn(
        converted,
        errors,
        pd.Series(read.sides, cells.index),
        _list_faults(cells, name, needed, (numbers, converted), read),
        [f"{name}: {note}" for note in read.notes],
    )


def _list_faults(
    cells: pd.Series, name: str, needed: pd.Series, numbers: tuple[pd.Series, pd.Series], read: Numbers
) -> list[dict[str, Any]]:
    """List cells that are empty though a number is needed, not numbers, or not finite."""
    found, converted = numbers
    if np.isfinite(found.to_numpy(float)).all() and converted.notna().all() and not read.faults:
        return []
    faults = [make_fault(line, name, cells.loc[line], NO_VALUE) for line in cells.index[find_empty(cells) & needed]]
    faults += [make_fault(cells.index[place], name, cells.iloc[place], reason) for place, reason in read.faults.items()]
    no_logarithm = found.notna() & converted.isna()
    said = "no logarithm; only numbers above 0 have one. Below the limit of detection, write the limit, as `<1e-9`"
    faults += [make_fault(line, name, cells.loc[line], said) for line in cells.index[no_logarithm]]
    infinite = np.isinf(found.to_numpy(float))
    return faults + [make_fault(line, name, cells.loc[line], "not finite") for line in cells.index[infinite]]
