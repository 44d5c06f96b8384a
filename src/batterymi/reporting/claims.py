"""The chapter's claims: every number that it states, with pointers to what it is compared with."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import pandas as pd

from batterymi.data.input_files import read_content, refuse_changes
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.unit_table import UNITS

COLUMNS = (
    *("id", "study", "section", "stated_in", "kind", "quantity", "relation", "value", "unit"),
    *("computed", "found", "tolerance", "reason"),
)
# what a number is to the source; those with a text get no verdict, and the text says why
KINDS = {
    "result": "",
    "premise": "",
    "target": "a target, and no result",
    "limit": "a limit that the source sets, and no result",
    "design": "describes a design, and is no result",
    "forecast": "a forecast, or an event that no data here record",
}
RELATIONS = {"": "", ">": "more than ", ">=": "at least ", "<": "less than "}
ONE_OF, ALL_OF = ";", "&"  # between pointers: the first that leads to a number, or all of them together


@dataclass(frozen=True)
class Claim:
    """A number that the chapter states.

    Attributes:
        id: its name.
        study: the textbook study that it belongs to.
        section: where the chapter has it.
        stated_in: text, table, code output, or implied by the text.
        kind: one of `KINDS`.
        quantity: what is claimed.
        relation: one of `RELATIONS`: the number itself, or more or less than it.
        printed: the number as the source prints it, whose last digit is the tolerance of its own recipe.
        unit: one that the project knows; of others, 1.
        computed: pointer to what the source's own recipe gives, or empty.
        found: alternatives of pointers to what else is known, best first; each is one or several that count together.
        tolerance: how far what is found may be off, in the unit; None where nothing can be found.
        reason: what is compared, or why nothing is.
    """

    id: str
    study: str
    section: str
    stated_in: str
    kind: str
    quantity: str
    relation: str
    printed: str
    unit: str
    computed: str
    found: tuple[tuple[str, ...], ...]
    tolerance: float | None
    reason: str

    @property
    def value(self) -> float:
        """Return the number."""
        return float(self.printed)

    @property
    def last_digit(self) -> float:
        """Return what one unit of the last printed digit is worth."""
        exponent = Decimal(self.printed).as_tuple().exponent
        return float(10.0 ** int(exponent))


def read_claims(path: str | os.PathLike[str], digests: Mapping[str, str] = MappingProxyType({})) -> list[Claim]:
    """Read the table of claims and check it.

    Args:
        path: the CSV file.
        digests: of files when the run began; this one must be the same still.

    Raises:
        TableError: if it cannot be read; for a missing column, a repeated id, an unknown unit or kind, a value that is
            not a number.
    """
    # read as text, so that a malformed cell is reported with its line, and printed digits are kept
    content = read_content(str(path), "claims")
    refuse_changes({str(path): content.sha256}, digests)
    frame = pd.read_csv(io.BytesIO(content.data), dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise TableError(f"{path}: the header lacks {', '.join(missing)}")
    # line 1 is the header
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if problem := _find_problem(row):
            raise TableError(f"{path}: line {line}: {problem}")
    if frame["id"].duplicated().any():
        repeated = frame.loc[frame["id"].duplicated(), "id"].iloc[0]
        raise TableError(f"{path}: two claims have the id '{repeated}'; give each its own")
    return [_make_claim(row) for row in frame.to_dict("records")]


def split_alternatives(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives of a cell of pointers, each with the pointers that count together."""
    groups = (tuple(part.strip() for part in group.split(ALL_OF)) for group in text.split(ONE_OF))
    return tuple(group for group in groups if any(group))


def _make_claim(row: Mapping[Any, str]) -> Claim:
    """Return the claim of a line that was checked."""
    texts = {name: row[name] for name in COLUMNS if name not in ("value", "found", "tolerance")}
    tolerance = float(row["tolerance"]) if row["tolerance"] else None
    return Claim(**texts, printed=row["value"], found=split_alternatives(row["found"]), tolerance=tolerance)


def _find_problem(row: Mapping[Any, str]) -> str | None:
    """Return what is wrong with a line of the table of claims, or None."""
    for column, known in (("unit", UNITS), ("kind", KINDS), ("relation", RELATIONS)):
        if row[column] not in known:
            return f"{column}: '{row[column]}' is not a {column}; {did_you_mean(row[column], known)}"
    for column in ("value", "tolerance"):
        if row[column] or column == "value":
            try:
                is_number = Decimal(row[column]).is_finite()
            except InvalidOperation:
                is_number = False
            if not is_number:
                return f"{column}: '{row[column]}' is not a number"
    if bool(row["found"]) != bool(row["tolerance"]):
        return "tolerance: give one where 'found' has a pointer, and nowhere else"
    return None
