"""Keys of a value and of the ends of its interval, alike in all tables and reports."""

from typing import TypeVar

Value = TypeVar("Value")
End = TypeVar("End")


def label_interval(name: str, value: Value, interval: tuple[End, End]) -> dict[str, Value | End]:
    """Return a value under its name, and the ends of its interval under the name with `_lower` and `_upper`."""
    return {name: value, f"{name}_lower": interval[0], f"{name}_upper": interval[1]}
