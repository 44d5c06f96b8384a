"""The columns of formulas of a table: each cell read to a plain formula, with what was understood."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from batterymi.config.parts import Descriptor
from batterymi.data.cells import find_empty
from batterymi.data.schema import make_fault
from batterymi.features.formula_cells import read_formula
from batterymi.features.formula_text import parse_number
from batterymi.features.formulas import FormulaError, identify_compositions
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.arguments import FORMULAS
from batterymi.vocabulary.measured import name_compound_column

GREEK = {"delta": "δ", "gamma": "γ", "epsilon": "ε"}
MAX_LISTED = 10
EXAMPLES = 3


@dataclass(frozen=True)
class ReadCells:
    """Rows with cells of text as descriptors take them, as plain formulas.

    Attributes:
        frame: the rows; the columns of formulas hold plain ones where they were understood.
        faults: one entry per cell that was not: line, column, found, reason.
        understood: one entry per cell that is not a plain formula itself: line, column, found, and as reason how it
            was understood.
        doubts: one entry per cell that is odd, though it may be right.
    """

    frame: pd.DataFrame
    faults: list[dict[str, Any]]
    understood: list[dict[str, Any]]
    doubts: list[dict[str, Any]]


def list_formula_columns(descriptors: Sequence[Descriptor], formula_column: str | None = None) -> list[str]:
    """List the columns of formulas that descriptors take, and the table's own where there are descriptors."""
    found = [
        column for descriptor in descriptors for argument, column in descriptor.columns.items() if argument in FORMULAS
    ]
    own = [formula_column] if formula_column and descriptors else []
    return list(dict.fromkeys([*found, *own]))


def read_formula_columns(rows: pd.DataFrame, columns: Sequence[str]) -> ReadCells:
    """Read the formulas of a table.

    Args:
        rows: cells as text; the index holds line numbers. Columns that are called like a variable of formulas, as x,
            hold its values.
        columns: those of formulas; one that is missing is passed over.

    Returns:
        The rows, with a column of compounds beside each of formulas.
    """
    result = ReadCells(rows.copy(), [], [], [])
    variables = find_variable_columns(name for name in rows.columns if name not in columns)
    given = {name: [parse_value(cell) for cell in rows[own]] for name, own in variables.items()}
    for column in (name for name in columns if name in rows.columns):
        formulas: dict[Any, str] = {}
        empty = find_empty(rows[column]).to_numpy()
        for place, (line, cell) in enumerate(rows[column].items()):
            if empty[place]:
                result.faults.append(make_fault(line, column, cell, "no formula; every row needs one here"))
                continue
            values = {name: value for name, found in given.items() if (value := found[place]) is not None}
            try:
                read = read_formula(str(cell), values)
            except FormulaError as error:
                result.faults.append(make_fault(line, column, cell, strip_quote(str(error), str(cell))))
                continue
            formulas[line] = read.formula
            if read.formula != str(cell).strip():
                result.understood.append(make_fault(line, column, cell, f"{read.formula} ({read.how})"))
            if read.note:
                result.doubts.append(make_fault(line, column, cell, read.note))
        for name, texts in ((column, pd.Series(formulas, dtype=object)), (None, label_compounds(formulas))):
            # cells that were not understood stay as they are, and are reported
            result.frame[name or name_compound_column(column)] = texts.reindex(rows.index).fillna(rows[column])
    return result


def label_compounds(formulas: Mapping[Any, str]) -> pd.Series:
    """Return for each formula the first one of the same composition."""
    first: dict[bytes, str] = {}
    keys = identify_compositions(formulas.values())
    labels = [first.setdefault(key, formula) for key, formula in zip(keys, formulas.values(), strict=True)]
    return pd.Series(labels, index=list(formulas), dtype=object)


def find_variable_columns(columns: Iterable[str]) -> dict[str, str]:
    """Return the columns that hold values of variables in formulas, by variable: `x`, `y (mol)`, `delta`."""
    found: dict[str, str] = {}
    for column in map(str, columns):
        name = re.sub(r"\s*[(\[].*", "", column).strip()
        name = GREEK.get(name.lower(), name)
        # a capital only where no column has the small letter
        if re.fullmatch(r"[A-Za-zα-ω]", name) and (name.islower() or name.lower() not in found):
            found[name.lower()] = column
    return found


def parse_value(cell: Any) -> float | None:
    """Return the value of a variable, None where the cell has none."""
    try:
        return parse_number(str(cell).strip())
    except (ValueError, FormulaError):
        return None


def strip_quote(message: str, cell: str) -> str:
    """Return a message about a formula without the formula, which a fault shows anyway."""
    for start in (f"'{cell.strip()}' is not understood: ", f"'{cell.strip()}': "):
        if message.startswith(start):
            return message.removeprefix(start)
    return message


def list_understood(source: str, understood: Sequence[Mapping[str, Any]], place_of_all: str = "") -> list[str]:
    """Return what was understood of formulas as lines of text, of many the first and their number.

    Args:
        source: the file.
        understood: one entry per cell.
        place_of_all: where all of them are listed, if they are.
    """
    lines = [
        f"{source}: line {entry['line']}: {entry['column']}: '{show_in_line(entry['found'])}' is read as "
        f"{entry['reason']}"
        for entry in understood[:MAX_LISTED]
    ]
    if len(understood) > MAX_LISTED:
        listed = f"; all are listed in {place_of_all}" if place_of_all else ""
        lines.append(f"{source}: {len(understood) - MAX_LISTED} more formulas are read in such ways{listed}")
    return lines


def summarise_understood(understood: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how many formulas are read as something else than their text, with the first ones, as one line or none."""
    if not understood:
        return []
    examples = [f"'{show_in_line(entry['found'])}' as {entry['reason']}" for entry in understood[:EXAMPLES]]
    more = ", and more, which `batterymi check` shows" if len(understood) > EXAMPLES else ""
    n = len(understood)
    return [f"{n} formula{' is' if n == 1 else 's are'} read in other ways: {', '.join(examples)}{more}"]
