"""What every loader returns, and the steps that several share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.errors import TableError
from batterymi.features.formulas import find_unparsable, parse_formula


@dataclass
class Rows:
    """Rows of a data set under the project's column names, with an account of those left out.

    Attributes:
        frame: one row per usable record; its index numbers the records of the data set from 1, in file order.
        n_in: records in the data set's files.
        dropped: one entry per record left out: line (its number), column, found, reason.
    """

    frame: pd.DataFrame
    n_in: int
    dropped: list[dict[str, Any]] = field(default_factory=list)

    def drop(self, wrong: pd.Series, column: str, reason: str) -> None:
        """Leave records out, each with the reason.

        Args:
            wrong: marks the records to leave out, index as `frame`.
            column: the column at fault.
            reason: what is wrong with them.
        """
        for line, found in self.frame.loc[wrong, column].items():
            self.dropped.append({"line": int(str(line)), "column": column, "found": str(found), "reason": reason})
        self.frame = self.frame[~wrong]

    def drop_unparsable(self, column: str) -> None:
        """Leave out records whose formula does not parse; a formula is never guessed."""
        reasons = dict(find_unparsable(self.frame[column]))
        for position, reason in reasons.items():
            line = int(self.frame.index[position])
            self.dropped.append(
                {"line": line, "column": column, "found": self.frame[column].iloc[position]} | {"reason": reason}
            )
        self.frame = self.frame.drop(index=self.frame.index[list(reasons)])


def read_records(path: Path, columns: dict[str, str], header: int | None = 0, sheet: str | None = None) -> pd.DataFrame:
    """Read a file of a data set as text cells under new names.

    Args:
        path: a CSV file, or a workbook if `sheet` is given.
        columns: new name of each column to keep, by its name in the file.
        header: row of the column names, counted from 0.
        sheet: sheet of a workbook.

    Returns:
        One row per record, cells as strings without surrounding blanks or quotation marks, index from 1.

    Raises:
        TableError: if the file is missing, cannot be read, or lacks a column.
    """
    try:
        if sheet is None:
            # as text, so that pandas does not turn words such as NA into missing values
            raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", header=header)
        else:
            raw = pd.read_excel(path, dtype=str, keep_default_na=False, sheet_name=sheet, header=header)
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; fetch the data set again") from None
    except (ValueError, OSError, KeyError) as error:
        raise TableError(f"{path}: cannot be read: {error}") from None
    raw.columns = [str(name).strip() for name in raw.columns]
    missing = [name for name in columns if name not in raw.columns]
    if missing:
        raise TableError(f"{path}: the header lacks {', '.join(missing)}; the file is not the one expected")
    frame = raw[list(columns)].rename(columns=columns)
    # published tables hold stray quotation marks and non-breaking spaces
    frame = frame.apply(lambda cells: cells.str.strip(" '\"\t\u00a0"))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    return frame


def make_composition_key(formula: str) -> str:
    """Return the same text for formulas of the same composition, in per mille of the atoms."""
    amounts = parse_formula(formula)
    total = sum(amounts.values())
    # rounded, since the same fractions are written with different numbers of digits
    return " ".join(f"{symbol}{round(1000 * amounts[symbol] / total)}" for symbol in sorted(amounts))


def normalise_doi(cells: pd.Series) -> pd.Series:
    """Return DOIs in one spelling, in small letters and without the resolver's address, since papers are groups."""
    return cells.str.lower().str.replace(r"^https?://(dx\.)?doi\.org/", "", regex=True)
