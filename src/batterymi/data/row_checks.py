"""Rows for which a descriptor has nothing, as two formulas that are no electrode: faults of these rows."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pandas as pd

from batterymi import registry
from batterymi.config.parts import Descriptor
from batterymi.data.schema import make_fault


def find_unfit_rows(
    rows: pd.DataFrame, descriptors: Sequence[Descriptor], left_out: Collection[Any] = ()
) -> list[dict[str, Any]]:
    """Find rows that a descriptor refuses.

    Args:
        rows: cells, formulas as plain ones; the index holds line numbers.
        descriptors: of the study; those without a check, and those whose columns are missing, are passed over.
        left_out: lines that have faults already, whose formulas may not be readable.

    Returns:
        One entry per row and column: line, column, found, reason.
    """
    checked = rows[~rows.index.isin(list(left_out))]
    found = {
        (fault["line"], fault["column"]): fault
        for descriptor in reversed(descriptors)
        if descriptor.function in registry.list_names("row_check") and {*descriptor.columns.values()} <= {*rows.columns}
        for fault in _check_rows(checked, descriptor)
    }
    return sorted(found.values(), key=lambda fault: fault["line"])


def _check_rows(rows: pd.DataFrame, descriptor: Descriptor) -> Iterator[dict[str, Any]]:
    """Yield the faults of rows by one descriptor."""
    check = registry.look_up("row_check", descriptor.function)
    columns = {argument: rows[column] for argument, column in descriptor.columns.items()}
    for place, argument, reason in check(**columns):
        yield make_fault(rows.index[place], descriptor.columns[argument], columns[argument].iloc[place], reason)
