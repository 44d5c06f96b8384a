"""Columns that a prepared table has beside an objective: how well each of its values is known.

No column of a user can have such a name, since names hold neither colons nor blanks.
"""

UNMEASURED = "not measured"  # a result that is missing, and that nobody waits for


def name_error_column(objective: str) -> str:
    """Return the column with the standard deviation of each value, in the unit of the objective; NaN where unknown."""
    return f"{objective}: error"


def name_bound_column(objective: str) -> str:
    """Return the column that is 1 where the objective is known to lie at or below its value, as of `<1e-8`, else 0."""
    return f"{objective}: bound"


def name_missing_column(objective: str) -> str:
    """Return the column that says why a measured row lacks this result: pending, failed, not measured; "" if it has it.

    A table has it only where some row that is learned from lacks the result.
    """
    return f"{objective}: missing"
