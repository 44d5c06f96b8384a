"""How well the results of a table are known: the standard deviation of each, from columns of errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Column, MeasuredError, Objective
from batterymi.data.cells import Decimal
from batterymi.data.header_units import Conversion, split_header
from batterymi.data.loaded_rows import LoadedRows
from batterymi.data.numbers import parse_numbers
from batterymi.data.schema import make_fault
from batterymi.vocabulary.measured import name_error_column

RELATIVE_STEP = 1e-6  # of a value, over which the slope of a conversion is taken


@dataclass(frozen=True)
class Errors:
    """Errors of the results of a table.

    Attributes:
        columns: standard deviation of each value by the name of the column, NaN where unknown.
        faults: entries on cells that are no error.
        remarks: sentences on errors of 0.
    """

    columns: dict[str, pd.Series] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def list_error_columns(objectives: Sequence[Objective]) -> list[Column]:
    """Return the columns of errors as columns of a table, so that their headers may have units."""
    return [
        Column(name=objective.error.column, label=objective.error.column, unit=objective.unit)
        for objective in objectives
        if objective.error
    ]


def add_error_conversions(
    conversions: Mapping[str, Conversion], names: Mapping[str, str], objectives: Sequence[Objective]
) -> dict[str, Conversion]:
    """Return conversions with those of errors, which are in the unit of their objective unless their header has one.

    Args:
        conversions: columns that a file has in another unit, by name.
        names: names of columns by header, where these differ.
        objectives: of the study.
    """
    with_unit = {name for header, name in names.items() if split_header(header)[1]}
    found = dict(conversions)
    for objective in objectives:
        if objective.error and objective.name in conversions and objective.error.column not in with_unit:
            found[objective.error.column] = replace(conversions[objective.name], column=objective.error.column)
    return found


def read_errors(loaded: LoadedRows, results: pd.DataFrame, objectives: Sequence[Objective]) -> Errors:
    """Read the errors of the results of a table.

    Args:
        loaded: the table as read.
        results: numbers of the objectives in their units, NaN where there is none; it may hold columns of errors
            already, as from cells such as `3.2 ± 0.1`, which fill the gaps.
        objectives: of the study.

    Returns:
        A column for each objective that has an error anywhere.
    """
    found = Errors()
    for objective in objectives:
        own = name_error_column(objective.name)
        before = results.get(own)
        if objective.error is None:
            if before is not None:
                found.columns[own] = _read_zeros(before, objective.name, found)
            continue
        has_result = results[objective.name].notna()
        values, faults = _read_deviations(loaded, objective.error, has_result)
        values = values * _find_slope(results[objective.name], objective, loaded.conversions)
        values = values if before is None else values.fillna(before)
        found.faults.extend(faults)
        found.columns[own] = _read_zeros(values.where(has_result), objective.error.column, found)
    return found


def _read_deviations(
    loaded: LoadedRows, error: MeasuredError, has_result: pd.Series
) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Return the standard deviation of the mean of each row in the unit of the file; and cells that are no error."""
    raw = loaded.frame
    numbers, faults = _read_cells(raw, loaded.decimal, error.column, has_result, "an error is a number of 0 or more")
    faults += [
        make_fault(line, error.column, raw.loc[line, error.column], "an error is not negative")
        for line in numbers.index[numbers < 0]
    ]
    if not isinstance(error.n, str):
        return numbers / np.sqrt(error.n or 1), faults
    expected = "a number of measurements is a whole number from 1 on"
    counts, bad = _read_cells(raw, loaded.decimal, error.n, has_result, expected)
    # nobody counted where the error is unknown, so that the number says nothing
    is_unknown = counts.eq(0) & (numbers.isna() | numbers.eq(0))
    counts, numbers = counts.where(~is_unknown), numbers.where(~is_unknown)
    is_wrong = counts.notna() & ((counts < 1) | (counts % 1 != 0))
    bad += [make_fault(line, error.n, raw.loc[line, error.n], expected) for line in counts.index[is_wrong]]
    # without a number it is one measurement
    return numbers / np.sqrt(counts.where(~is_wrong).fillna(1.0)), faults + bad


def _read_cells(
    raw: pd.DataFrame, decimal: Decimal, name: str, has_result: pd.Series, expected: str
) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Return the numbers of a column in rows with a result, NaN where a cell is empty; and cells that are no number."""
    cells = raw[name].where(has_result, "")
    read = parse_numbers(cells, decimal=decimal)
    numbers = pd.Series(read.values, cells.index)
    # neither is a limit of an error
    bad = np.isinf(read.values) | (read.sides != 0)
    bad[list(read.faults)] = True
    is_bad = pd.Series(bad, cells.index, dtype=bool)
    faults = [make_fault(line, name, cells[line], f"not a number; {expected}") for line in cells.index[bad]]
    return numbers.where(~is_bad), faults


def _find_slope(results: pd.Series, objective: Objective, conversions: Mapping[str, Conversion]) -> pd.Series | float:
    """Return by how much a small error of the file grows in the unit of the study, at each result.

    A difference has no offset, as between °C and K, and on a logarithmic scale it depends on the value.
    """
    assert objective.error is not None
    conversion = conversions.get(objective.error.column)
    if conversion is None:
        return 1.0
    there = conversion.convert_to_file(results)
    step = (there.abs() * RELATIVE_STEP).where(there != 0, 1.0)
    return (conversion.convert_to_study(there + step) - conversion.convert_to_study(there - step)).abs() / (2 * step)


def _read_zeros(values: pd.Series, name: str, found: Errors) -> pd.Series:
    """Return errors with 0 as unknown, unless all that are known are 0, which makes the values exact."""
    is_zero = values.eq(0)
    if not is_zero.any() or values.dropna().eq(0).all():
        return values
    lines = ", ".join(map(str, values.index[is_zero][:5])) + (", …" if is_zero.sum() > 5 else "")
    n = int(is_zero.sum())
    found.remarks.append(f"{name}: 0 in {n} row{'' if n == 1 else 's'} (line {lines}), taken as an unknown error")
    return values.where(~is_zero)
