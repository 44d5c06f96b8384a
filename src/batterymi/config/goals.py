"""What outcomes are for: limits that they keep, and windows that they should hit."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from batterymi.arrays import Array

Side = Literal["at_least", "at_most"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True)
class Limit:
    """A value that an outcome must reach, or must not exceed.

    Attributes:
        objective: name of the outcome.
        side: which of the two.
        value: the limit itself, in the outcome's unit.
    """

    objective: str
    side: Side
    value: float

    @property
    def sign(self) -> int:
        """1 where smaller outcomes are safer, -1 where larger ones are."""
        return -1 if self.side == "at_least" else 1

    @property
    def text(self) -> str:
        """The limit as messages say it, as "y at least 5"."""
        return f"{self.objective} {self.side.replace('_', ' ')} {self.value:g}"


@dataclass(frozen=True)
class Window:
    """The values that an outcome should hit: all from one to another are equally good; a single one has two equal ends.

    Attributes:
        low: lower end.
        high: upper end.
    """

    low: float
    high: float

    @property
    def text(self) -> str:
        """The window as messages say it, as "7.4" or "1 to 2.5"."""
        return f"{self.low:.10g}" if self.low == self.high else f"{self.low:.10g} to {self.high:.10g}"

    @property
    def is_single(self) -> bool:
        """Whether it is a single value."""
        return self.low == self.high

    def compute_distance(self, values: Array) -> Array:
        """Return how far values lie outside of the window, same shape; 0 within it."""
        return np.maximum(np.maximum(self.low - values, values - self.high), 0.0)

    def standardise(self, centre: float, spread: float) -> "Window":
        """Return the window of values from which a centre is subtracted before they are divided by a spread."""
        return Window((self.low - centre) / spread, (self.high - centre) / spread)


def find_target_problem(
    goal: str, target: Window | None, at_least: float | None, at_most: float | None, valid: tuple[float, float] | None
) -> str:
    """Say what is wrong with the target of an objective; an empty text where nothing is.

    Args:
        goal: of the objective.
        target: what it should hit, if that is given.
        at_least: its lower limit.
        at_most: its upper limit.
        valid: its possible range.
    """
    if target is None:
        wanted = "the value that it should hit, as `target: 7.4`, or a window, as `target: [1, 2.5]`"
        return f"goal 'target' needs a target: {wanted}" if goal == "target" else ""
    if goal != "target":
        return f"a target of {target.text} belongs to `goal: target`, not to `goal: {goal}`"
    if valid and not (valid[0] <= target.low and target.high <= valid[1]):
        return f"the target {target.text} lies outside of the possible range, valid: [{valid[0]:g}, {valid[1]:g}]"
    if at_least is not None and target.high < at_least:
        return f"the target {target.text} lies below at_least {at_least:g}, so that no design can have both"
    if at_most is not None and target.low > at_most:
        return f"the target {target.text} lies above at_most {at_most:g}, so that no design can have both"
    return ""


def find_reserve_problem(reserve: float | None, at_least: float | None, at_most: float | None) -> str | None:
    """Return what is wrong with the reserve to a limit, or None."""
    if reserve is None:
        return None
    if at_least is None and at_most is None:
        return "reserve needs a limit, at_least or at_most"
    if at_least is not None and at_most is not None and not at_least + reserve < at_most - reserve:
        return f"with a reserve of {reserve:g} nothing is left between at_least {at_least:g} and at_most {at_most:g}"
    return None


def find_limit_problem(
    goal: str, at_least: float | None, at_most: float | None, threshold: float | None, *, is_relaxed: bool
) -> str | None:
    """Return what is wrong with the limits of an outcome, and with the threshold that models are scored by, or None."""
    if threshold is not None and goal not in ("maximise", "minimise"):
        return f"threshold needs goal: maximise or minimise, which say the better side; not '{goal}'"
    limits = [limit for limit in (at_least, at_most) if limit is not None]
    if goal == "limit" and not limits:
        return "goal 'limit' needs at_least or at_most"
    # with two limits it would be unclear which one is relaxed
    if is_relaxed and len(limits) != 1:
        return "relaxation needs exactly one of at_least and at_most"
    if len(limits) == 2 and not limits[0] < limits[1]:
        return f"at_least {limits[0]:g} is not below at_most {limits[1]:g}"
    return None
