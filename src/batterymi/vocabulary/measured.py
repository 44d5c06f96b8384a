"""Columns that a prepared table has beside those of its file: how well values are known, and what rows share.

No column of a user can have such a name, since names hold neither colons nor blanks.
"""

from collections.abc import Iterable

UPPER, LOWER = 1, -1  # of a value which is a limit: that the true one lies at or below it, at or above it
UNMEASURED = "not measured"  # a result that is missing, and that nobody waits for
CANDIDATE = "listed as"  # column of a list of candidates: what the list calls each


def name_error_column(objective: str) -> str:
    """Return the column with the standard deviation of each value, in the unit of the objective; NaN where unknown."""
    return f"{objective}: error"


def name_bound_column(objective: str) -> str:
    """Return the column that says where a value is only a limit: `UPPER` for `<1e-8`, `LOWER` for `>1000`, else 0."""
    return f"{objective}: bound"


def describe_side(side: float) -> str:
    """Return what stands before a limit in words, `at most ` or `at least `; nothing before a value."""
    return "at most " if side > 0 else "at least " if side < 0 else ""


def name_missing_column(objective: str) -> str:
    """Return the column that says why a measured row lacks this result: pending, failed, not measured; "" if it has it.

    A table has it only where some row that is learned from lacks the result.
    """
    return f"{objective}: missing"


def name_compound_column(column: str) -> str:
    """Return the column that has one text for all formulas of one composition, as Li10GeP2S12 and Li10Ge(PS6)2."""
    return f"{column}: compound"


def name_digest_column(column: str) -> str:
    """Return the column with the SHA-256 of each file that a column names."""
    return f"{column}: sha256"


def find_compound_column(columns: Iterable[str], column: str) -> str:
    """Return the column to compare rows by: that of compounds for formulas, else the column itself."""
    compound = name_compound_column(column)
    return compound if compound in set(columns) else column
