"""What a user of Python hands over: checked by its type, and named in messages as in Python."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from batterymi.errors import BatteryMIError, ConfigError
from batterymi.text_safety import show_in_line

LONGEST = 60  # characters of a value that a message repeats
# of `new-study`: what its options are called as arguments of `Study.from_csv`
OPTION = re.compile(
    r"--(objective|factor|id|group|formula|ignore|repeats|fill-down|sheet|encoding|decimal|name)\b"
    r"(?: (?:'([^']*)'|(NAME:\w+)))?"
)


def require(where: str, value: Any, kinds: type | tuple[type, ...], wanted: str) -> None:
    """Refuse a value of another type; a truth value is no number.

    Args:
        where: what messages call the argument.
        value: that was given.
        kinds: types that it may have.
        wanted: what would be right.

    Raises:
        ConfigError: naming the argument, what was found and what would be right.
    """
    is_truth = isinstance(value, bool | np.bool_) and kinds is not bool
    if is_truth or not isinstance(value, kinds):
        raise ConfigError([f"{where}: found {show_value(value)}; give {wanted}"])


def show_value(value: Any) -> str:
    """Return a value as a message repeats it: in one line, shortened, of a table its type alone."""
    if isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        return f"a {type(value).__name__}"
    text = show_in_line(repr(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def read_words(where: str, value: Any) -> tuple[str, ...]:
    """Return one or several words as several; nothing for None.

    Raises:
        ConfigError: if it is something else.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    wanted = "a text, or a list of texts"
    if isinstance(value, pd.DataFrame | Mapping) or not hasattr(value, "__iter__") or isinstance(value, bytes):
        raise ConfigError([f"{where}: found {show_value(value)}; give {wanted}"])
    words = list(value)
    for word in words:
        require(where, word, str, wanted)
    return tuple(map(str, words))


def read_count(where: str, value: Any, most: int) -> int | None:
    """Return a whole number from 1 on; None for None.

    Raises:
        ConfigError: if it is none, or out of range.
    """
    if value is None:
        return None
    wanted = f"a whole number from 1 to {most}"
    require(where, value, Integral, wanted)
    if not 1 <= value <= most:
        raise ConfigError([f"{where} = {value}: give a number from 1 to {most}"])
    return int(value)


def read_rows(where: str, value: Any, wanted: str) -> pd.DataFrame | Mapping[str, Any] | Sequence[Any]:
    """Return rows as a frame, a mapping or a list; a series counts as a mapping.

    Raises:
        ConfigError: if it is something else, as a text.
    """
    if isinstance(value, pd.Series):
        return {str(name): cell for name, cell in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, pd.DataFrame | Mapping | Sequence):
        raise ConfigError([f"{where}: found {show_value(value)}; give {wanted}"])
    return value


def name_arguments(text: str) -> str:
    """Return a message in which options of `new-study` are called as in Python, as `fill_down='x'`."""

    def rename(found: re.Match[str]) -> str:
        option, quoted, name = found.groups()
        value = "" if quoted is None and name is None else repr(quoted if name is None else name)
        return f"{option.replace('-', '_')}={value}"

    return OPTION.sub(rename, text).replace("(new-study: ", "(from_csv: ")


@contextmanager
def speak_python() -> Iterator[None]:
    """Call options in messages of errors as in Python."""
    try:
        yield
    except BatteryMIError as error:
        error.args = tuple(name_arguments(part) if isinstance(part, str) else part for part in error.args)
        if isinstance(error, ConfigError):
            error.problems = [name_arguments(problem) for problem in error.problems]
        raise
