"""Units in the headers of tables, as `thickness [µm]`; without pandas, since rules read them too."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from batterymi.config.parts import Column
from batterymi.config.sources import Table
from batterymi.data.durations import find_clock_format, find_clock_unit
from batterymi.data.grids import find_delimiter
from batterymi.errors import TableError
from batterymi.vocabulary.unit_table import are_convertible, convert_units, find_header_unit, find_listed_unit

if TYPE_CHECKING:
    import pandas as pd

BRACKETS = re.compile(r"^(?P<label>.*?)\s*[(\[](?P<unit>[^()\[\]]+(?:\([^()]*\))?)[)\]]\s*$")
SINGLE_LETTERS = ("V", "A", "K", "h", "s", "g", "%")  # behind a slash; S and C may be sulphur and carbon
MOST_CHARACTERS = 150  # of a header that may have a unit behind a slash
WIDE = str.maketrans({"（": "(", "）": ")", "［": "[", "］": "]", "／": "/", "℃": "°C"})
MOST_BYTES = 100_000  # of a header


@dataclass(frozen=True)
class Conversion:
    """A column that a file has in another unit than its study.

    Attributes:
        column: its name in the study.
        header: what stands in the file.
        found: unit of the file, or what colons separate in its cells, as `hh:mm`.
        wanted: unit of the study.
    """

    column: str
    header: str
    found: str
    wanted: str

    def convert_to_study(self, values: "pd.Series") -> "pd.Series":
        """Return numbers of the file in the unit of the study."""
        return _convert_series(values, find_clock_unit(self.found), self.wanted)

    def convert_to_file(self, values: "pd.Series") -> "pd.Series":
        """Return numbers of the study in the unit of the file."""
        return _convert_series(values, self.wanted, find_clock_unit(self.found))


def _convert_series(values: "pd.Series", found: str, wanted: str) -> "pd.Series":
    """Return a column of numbers in another unit."""
    import pandas as pd

    return pd.Series(convert_units(values.to_numpy(float), found, wanted), values.index)


def split_header(header: str) -> tuple[str, str]:
    """Return what stands before and in the brackets of a header, or behind its slash; no text where there is none.

    Behind a slash only a unit of the table counts, as in `Voltage/V` and `capacity / mAh g⁻¹`, since Li/TM is a ratio.
    """
    plain = header.translate(WIDE)
    match = BRACKETS.match(plain)
    if match:
        return match["label"], match["unit"]
    if len(plain) > MOST_CHARACTERS or find_listed_unit(plain) is not None:
        # a unit that stands alone has slashes too, as mAh/g
        return header, ""
    for place in (place for place, sign in enumerate(plain) if sign == "/"):
        label, unit = plain[:place].strip(), plain[place + 1 :].strip()
        is_clear = len(unit) > 1 or unit in SINGLE_LETTERS
        is_named = sum(map(str.isalpha, label)) != 2 or not label.isascii() or label.isupper()
        if label and unit and is_clear and is_named and find_listed_unit(unit) not in (None, "1"):
            # in `capacity mAh/g` the slash is part of the unit
            name, _, above = label.rpartition(" ")
            whole = f"{above}/{unit}"
            return (name.strip(), whole) if name and find_listed_unit(whole) not in (None, "1") else (label, unit)
    return header, ""


def match_headers(headers: Sequence[str], given: Mapping[str, str], columns: Sequence[Column]) -> dict[str, str]:
    """Find the columns that headers name.

    Args:
        headers: of the file.
        given: names for headers, as the study's YAML lists them.
        columns: the declared columns; `thickness [µm]` stands for the one of the name `thickness`.

    Returns:
        Name of the column by header, where these differ.
    """
    known = {column.name for column in columns} - set(headers) - set(given.values())
    found = {header: label for header in headers if (label := split_header(header)[0]) in known}
    return {**found, **given}


def find_conversions(
    path: str,
    names: Mapping[str, str],
    columns: Sequence[Column],
    units: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Conversion]:
    """Find the columns that a file has in another unit.

    Args:
        path: what messages call the file.
        names: names of columns by header.
        columns: the declared columns.
        units: of columns in the file, by name, where settings give them.

    Returns:
        Conversions by the name of the column.

    Raises:
        TableError: for a unit that cannot be converted.
    """
    declared = {column.name: column for column in columns if not getattr(column, "choices", None)}
    found, problems = {}, []
    for header, name in {**{name: name for name in units if name not in names.values()}, **names}.items():
        text = split_header(header)[1]
        if name not in declared:
            continue
        given = units.get(name, "")
        clock = find_clock_format(given or text)
        unit = clock or given or (find_header_unit(text) if text else None)
        if unit is None or unit == declared[name].unit:
            continue
        wanted = declared[name].unit
        if wanted == "C-rate" and text.strip() == "C":
            # as in `rate (C)`
            continue
        if are_convertible(find_clock_unit(unit), wanted):
            found[name] = Conversion(name, header, unit, wanted)
        else:
            problems.append(
                f"{path}: the column '{header}' is in {unit}, the study's '{name}' in {wanted}, and one cannot be "
                "converted to the other; correct the header, or the unit in the study's YAML"
            )
    if problems:
        raise TableError("\n".join(problems))
    return found


def has_other_units(table: Table, columns: Sequence[Column]) -> bool:
    """Return whether the header of a file names units that are not those of the columns, or may do so.

    It is read for each run, so pint is left out: what is not in the table of units counts as another unit, and so do
    headers of several lines and of workbooks. A file that cannot be read is left to the job.

    Args:
        table: the file, and how it is read.
        columns: features and objectives.
    """
    if table.file is None:
        return False
    if table.header_lines or table.units or Path(table.file).suffix.lower() not in (".csv", ".txt", ".tsv"):
        return True
    units = {column.name: column.unit for column in columns}
    names = match_headers(_read_header(Path(table.file)), table.columns, columns)
    return any(
        find_listed_unit(text) != units[name]
        for header, name in names.items()
        if name in units and (text := split_header(header)[1])
    )


def _read_header(path: Path) -> list[str]:
    """Return the names in the header of a CSV file; none if it cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES)
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        lines = [
            line
            for line in data.decode(encoding, errors="replace").splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]
        delimiter = find_delimiter(lines)
        header = next(csv.reader(lines[:1], delimiter=delimiter, skipinitialspace=True), [])
        return [cell.strip() for cell in header]
    except (OSError, csv.Error):
        return []
