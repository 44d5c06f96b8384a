"""The option `--objective` of `new-study`: a column, and whether to maximise it, minimise it, or hit a target."""

from batterymi.authoring.role import GOALS
from batterymi.config.goals import Window
from batterymi.errors import ConfigError

TARGET = "target"
HOW = "write NAME:target:7.4 for a value, or NAME:target:1:2.5 for a window of values that are equally good"


def parse_objective(text: str) -> tuple[str, str, Window | None]:
    """Split the text of the option into a column, a goal, which may be missing, and the target of that goal.

    The name of a column may hold colons.

    Raises:
        ConfigError: for a target without a value, or with one that cannot be.
    """
    name, colon, goal = text.rpartition(":")
    if colon and goal.strip().lower() in GOALS:
        return name, GOALS[goal.strip().lower()], None
    parts = text.split(":")
    places = [place for place, part in enumerate(parts) if place and part.strip().lower() == TARGET]
    if not places:
        return text, "", None
    return ":".join(parts[: places[-1]]), TARGET, _parse_window(text, parts[places[-1] + 1 :])


def _parse_window(text: str, parts: list[str]) -> Window:
    """Return the target that follows the word in the option.

    Raises:
        ConfigError: if there is none, or it is no number and no window.
    """
    if not 1 <= len(parts) <= 2:
        found = "which value should it hit?" if not parts else f"{len(parts)} values are no window;"
        raise ConfigError([f"--objective {text}: {found} {HOW}"])
    values = [_parse_number(text, part) for part in parts]
    if values[0] > values[-1]:
        raise ConfigError(
            [f"--objective {text}: {values[0]:g} is not below {values[1]:g}; write the lower value first"]
        )
    return Window(values[0], values[-1])


def _parse_number(text: str, part: str) -> float:
    """Return a finite number.

    Raises:
        ConfigError: if it is none.
    """
    try:
        # a typographic minus, as in a text from which it was copied
        value = float(part.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ConfigError([f"--objective {text}: '{part.strip()}' is not a number, as 7.4 or 1e-3; {HOW}"])
    return value
