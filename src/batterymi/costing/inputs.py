"""Sourced inputs of the calculators: each number with its range, its source, and whether it was read there."""

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from batterymi.data.decode_text import decode_text
from batterymi.data.input_files import read_content
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.unit_table import UnitError, convert_units, find_unit

CELL_INPUTS = Path(__file__).with_name("cell_inputs.csv")
PRICES = Path(__file__).with_name("prices.csv")
SOURCES = Path(__file__).with_name("sources.csv")
COLUMNS = ("value", "unit", "low", "high", "source", "checked")
LATEST = "9999"
DATE = re.compile(r"[0-9]{4}(-[0-9]{2})?")
ANY = "any"  # the group of rows that hold for every group


@dataclass(frozen=True)
class Quantity:
    """A number with a range.

    Attributes:
        group: what it belongs to, as a cell; `any` for all of them.
        name: what it is, with the unit.
        value: the default.
        unit: of value, low and high.
        low: lower end of the declared range.
        high: upper end.
        source: id of the work or page that states the value, in sources.csv.
        checked: whether the value was read in that source.
        date: year or month that it holds for; empty if it does not change.
        traded_as: formula of what has the price, for prices of elements.
    """

    group: str
    name: str
    value: float
    unit: str
    low: float
    high: float
    source: str
    checked: bool
    date: str = ""
    traded_as: str = ""

    @property
    def key(self) -> str:
        """Return group and name, parted by a dot."""
        return f"{self.group}.{self.name}"

    def fix(self, value: float, source: str) -> Self:
        """Return the same quantity with one value and no range, as a reader's own assumption.

        Args:
            value: in the same unit.
            source: where it comes from, in words.
        """
        return replace(self, value=value, low=value, high=value, source=source, checked=False)

    def convert(self, unit: str) -> Self:
        """Return the same quantity in another unit.

        Raises:
            UnitError: if the units measure different things.
        """
        if unit == self.unit:
            return self
        import numpy as np

        value, low, high = convert_units(np.array([self.value, self.low, self.high]), find_unit(self.unit), unit)
        return replace(self, value=float(value), unit=unit, low=float(low), high=float(high))


class Inputs(Mapping[str, Quantity]):
    """Quantities by key, as `nmc_graphite.voltage_v`; a group falls back to the rows of `any`."""

    def __init__(self, quantities: Iterable[Quantity], path: str = "inputs") -> None:
        """Take the quantities, and the name of their table for messages."""
        self._quantities = {quantity.key: quantity for quantity in quantities}
        self.path = path

    def __getitem__(self, key: str) -> Quantity:
        """Return a quantity.

        Raises:
            TableError: if the table lacks it; the message suggests one.
        """
        name = key.partition(".")[2]
        found = self._quantities.get(key) or self._quantities.get(f"{ANY}.{name}")
        if found is None:
            raise TableError(f"{self.path}: there is no '{key}'; {did_you_mean(key, self._quantities)}")
        return found

    def __contains__(self, key: object) -> bool:
        """Return whether there is a quantity of this key, or one of `any` for its name."""
        text = str(key)
        return text in self._quantities or f"{ANY}.{text.partition('.')[2]}" in self._quantities

    def __iter__(self) -> Iterator[str]:
        """Return the keys, in order of the table."""
        return iter(self._quantities)

    def __len__(self) -> int:
        """Return the number of quantities."""
        return len(self._quantities)

    def replace(self, *changed: Quantity) -> "Inputs":
        """Return the same inputs with some quantities changed or added."""
        return Inputs([*({**self._quantities, **{quantity.key: quantity for quantity in changed}}.values())], self.path)


def load_inputs(path: str | os.PathLike[str] = CELL_INPUTS) -> Inputs:
    """Load a table of inputs, by default the one that the package ships.

    Args:
        path: a CSV file with the columns group, name, value, unit, low, high, source and checked.

    Raises:
        TableError: if it cannot be read, or a row is wrong; the message names file, line and column.
    """
    return Inputs(_read_quantities(path, ("group", "name")), str(path))


def load_prices(path: str | os.PathLike[str] = PRICES, date: str = LATEST) -> Inputs:
    """Load the prices of one date from a table, by default the one that the package ships; see `load_inputs`.

    Args:
        path: a CSV file with the columns group, name, traded_as and date beside those of `load_inputs`; an item may
            have several rows, each with another date.
        date: year, or year and month as 2024-05; of each item the last price up to then is taken, or its first price if
            that is later. By default the last of all.
    """
    chosen: dict[str, Quantity] = {}
    # in order of their dates, so that the last price up to the date replaces those before
    for quantity in sorted(_read_quantities(path, ("group", "name", "traded_as", "date")), key=lambda one: one.date):
        if quantity.key not in chosen or quantity.date <= date:
            chosen[quantity.key] = quantity
    return Inputs(chosen.values(), str(path))


def load_sources(path: str | os.PathLike[str] = SOURCES) -> dict[str, dict[str, str]]:
    """Load the works and pages that inputs name: citation, address and what was read there, by id."""
    return {row["id"]: row for _, row in _read_rows(path, ("id", "citation", "address", "read"))}


def list_unchecked(quantities: Iterable[Quantity]) -> list[str]:
    """Return the keys of the quantities whose value was not read in its source, sorted."""
    return sorted({quantity.key for quantity in quantities if not quantity.checked})


def _read_rows(path: str | os.PathLike[str], columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file as texts, each with the number of its line."""
    text = decode_text(read_content(str(path), "the path of the inputs").data, str(path)).text
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise TableError(f"{path}: the header lacks {', '.join(missing)}")
    # a row with too few cells has None in the others
    return [(reader.line_num, {column: (row[column] or "").strip() for column in columns}) for row in reader]


def _read_quantities(path: str | os.PathLike[str], names: tuple[str, ...]) -> list[Quantity]:
    """Read and check the rows of a table of quantities."""
    found: dict[tuple[str, str], Quantity] = {}
    for line, row in _read_rows(path, (*names, *COLUMNS)):
        quantity = _check_row(row, f"{path}: line {line}")
        if (quantity.key, quantity.date) in found:
            date = f" for {quantity.date}" if quantity.date else ""
            raise TableError(f"{path}: line {line}: '{quantity.key}' is listed twice{date}")
        found[quantity.key, quantity.date] = quantity
    return list(found.values())


def _check_row(row: Mapping[str, str], where: str) -> Quantity:
    """Return the quantity of a row; an empty low or high is the value itself."""
    numbers = {}
    for column in ("value", "low", "high"):
        text = row[column] or (row["value"] if column != "value" else "")
        try:
            numbers[column] = float(text)
        except ValueError:
            raise TableError(f"{where}: {column}: '{text}' is not a number") from None
        if not math.isfinite(numbers[column]):
            raise TableError(f"{where}: {column}: '{text}' is not a finite number")
    if not numbers["low"] <= numbers["value"] <= numbers["high"]:
        raise TableError(
            f"{where}: value {numbers['value']:g} lies outside low {numbers['low']:g} to high {numbers['high']:g}"
        )
    if row["checked"] not in ("true", "false"):
        raise TableError(f"{where}: checked: '{row['checked']}' is neither true nor false")
    if not row["source"]:
        raise TableError(f"{where}: source: name the work or page that states the value")
    for column in ("group", "name"):
        if not row[column]:
            raise TableError(f"{where}: {column}: this cell is empty")
    if "date" in row and not DATE.fullmatch(row["date"]):
        raise TableError(f"{where}: date: '{row['date']}' is neither a year nor a month, as 2024 or 2024-05")
    return Quantity(
        group=row["group"],
        name=row["name"],
        value=numbers["value"],
        unit=row["unit"],
        low=numbers["low"],
        high=numbers["high"],
        source=row["source"],
        checked=row["checked"] == "true",
        date=row.get("date", ""),
        traded_as=row.get("traded_as", ""),
    )


def convert_quantity(quantity: Quantity, unit: str, path: str) -> Quantity:
    """Return a quantity in the unit that a calculator takes.

    Raises:
        TableError: if its unit measures something else.
    """
    try:
        return quantity.convert(unit)
    except UnitError as error:
        raise TableError(f"{path}: {quantity.key}: {error}") from None
