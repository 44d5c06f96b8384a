"""The chapter's claims, and what may be said of each."""

import os

import pandas as pd

from batterymi.errors import TableError
from batterymi.vocabulary.unit_table import UNITS

REPRODUCED, CONTRADICTED, UNTESTABLE = "reproduced", "contradicted", "not testable"
ROUNDING = 1e-12  # of a difference that should be exactly the tolerance
COLUMNS = (
    "id",
    "study",
    "section",
    "stated_in",
    "quantity",
    "value",
    "unit",
    "measured",
    "on_data",
    "tolerance",
    "reason",
)


def read_claims(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the table of claims.

    Raises:
        TableError: for a missing column, a repeated id, an unknown unit, or a value that is no number.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise TableError(f"{path}: the header lacks {', '.join(missing)}")
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if row["unit"] not in UNITS:
            raise TableError(f"{path}: line {line}: unit: '{row['unit']}' is not a unit")
        for column in ("value", "tolerance"):
            if row[column] or column == "value":
                try:
                    float(row[column])
                except ValueError:
                    raise TableError(f"{path}: line {line}: {column}: '{row[column]}' is not a number") from None
        if bool(row["measured"] or row["on_data"]) != bool(row["tolerance"]):
            raise TableError(f"{path}: line {line}: a tolerance belongs to what is measured, and only to that")
    if frame["id"].duplicated().any():
        twice = frame.loc[frame["id"].duplicated(), "id"].iloc[0]
        raise TableError(f"{path}: the id '{twice}' stands twice")
    return frame.assign(
        value=frame["value"].astype(float), tolerance=pd.to_numeric(frame["tolerance"], errors="coerce")
    )


def compare_with_claim(measured: float | None, claimed: float, tolerance: float) -> str:
    """Return the verdict on a claim, given what was measured (None where nothing was)."""
    if measured is None:
        return UNTESTABLE
    return REPRODUCED if abs(measured - claimed) <= tolerance + ROUNDING else CONTRADICTED
