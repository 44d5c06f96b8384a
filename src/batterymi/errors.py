"""Errors that a user can act on: raised with a full sentence, shown without a traceback."""

from collections.abc import Mapping, Sequence
from typing import Any

# what libraries raise for the content of a damaged or crafted file, beside errors of the file system
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)


class BatteryMIError(Exception):
    """A mistake in the input, or a problem that cannot be solved as posed."""


class ConfigError(BatteryMIError):
    """One or more settings are wrong; the message lists all of them."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the single problems beside the joined message."""
        self.problems = problems
        super().__init__("\n".join(problems))


class TableError(BatteryMIError):
    """A table cannot be used; the message names file, row and column."""

    def __init__(self, message: str = "", faults: Sequence[Mapping[str, Any]] = (), file: str = "") -> None:
        """Keep the single faults beside the message.

        Args:
            message: all of it.
            faults: one entry per cell at fault, with line, column, found and reason, where these are known.
            file: that has them.
        """
        self.faults, self.file = tuple(faults), file
        super().__init__(message)


class DamagedFileError(BatteryMIError):
    """A file that an earlier stage wrote is damaged, or another file is in its place."""

    def __init__(self, path: object, found: object) -> None:
        """Say what was found and what to do."""
        super().__init__(f"{path}: {found}; remove the file and run again to make it once more")


class ExpressionError(BatteryMIError, ValueError):
    """Text that is not arithmetic and not a condition; a ValueError too, so that pydantic lists it with its key."""


class DesignError(BatteryMIError):
    """A design lies outside its space, or has columns that are not part of the space."""


class OutputError(BatteryMIError):
    """A result could not be written; nothing was left half-written."""


class AgentError(BatteryMIError):
    """A policy or an interrupted training belongs to another environment, or its files are damaged."""


def get_first_line(error: BaseException) -> str:
    """Return the first line of a library's message, shortened."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
