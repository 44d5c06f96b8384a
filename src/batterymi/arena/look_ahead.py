"""Greedy look-ahead: at every step the largest current that a model predicts to keep all limits."""

from dataclasses import dataclass, field

from batterymi.charging.controller import Decision, Observation
from batterymi.charging.limits import Limits
from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import ChargingSession, Plant, Simulator
from batterymi.charging.state import Start

TRIES = 8
RATE_TOLERANCE = 0.02
SLACK_TOLERANCE = 0.1  # of the units of `Limits.slacks`: 1 mV of margin
FAR = -1e3


@dataclass
class LookAhead:
    """Looks one control step ahead with a model of a fresh cell, which starts from what the controller sees.

    The twin takes the same currents as the cell and so drifts from it, as it does not know the cell's age. The
    charger's circuit holds the full voltage where an aged cell reaches it earlier than the twin.

    Attributes:
        name: what tables call it.
        twin: the model.
        limits: to keep, reserve included, without the start's temperature.
        control_s: how far it looks.
        c_rate_max: largest current it considers.
        voltage_v: full voltage of the cell.
        binds: how often each limit decided, over all charges since it was made.
    """

    name: str
    twin: Simulator
    limits: Limits
    control_s: float
    c_rate_max: float
    voltage_v: float
    binds: dict[str, int] = field(default_factory=dict)

    def begin(self, seen: Observation, plant: Plant) -> None:
        """Put the twin where the cell seems to be."""
        self._limits = self.limits.of_start(seen.ambient_c, seen.temperature_c)
        self._session = self._fresh(seen)
        self._model: Plant = self._session
        self._seconds = seen.seconds
        self._last = 0.0

    def decide(self, seen: Observation) -> Decision:
        """Let the twin follow the step that was taken, then look ahead."""
        self._follow(seen)
        rate, limit = largest_rate(self._model, self._limits, self.control_s, self.c_rate_max, self._last)
        self.binds[limit] = self.binds.get(limit, 0) + 1
        self._last = rate
        return Decision(rate, ceiling_v=self.voltage_v)

    def _follow(self, seen: Observation) -> None:
        """Take the step that the cell took; where the twin cannot, it starts again from what is seen."""
        passed = seen.seconds - self._seconds
        if passed > 0:
            try:
                self._session.step(seen.rate, passed)
            except ChargeError:
                self._session = self._fresh(seen)
                self._model = self._session
        self._seconds = seen.seconds

    def _fresh(self, seen: Observation) -> ChargingSession:
        """A fresh cell at rest in the state that is seen."""
        soc = min(max(seen.soc, 0.0), 0.999)
        return self.twin.begin(Start(soc=soc, ambient_c=seen.ambient_c, initial_c=seen.temperature_c))


@dataclass
class Oracle:
    """The same with the cell itself as its model: it knows age and anode, which no charger does.

    It is a bound for one-step look-ahead, not a contestant.
    """

    name: str
    limits: Limits
    control_s: float
    c_rate_max: float
    binds: dict[str, int] = field(default_factory=dict)

    def begin(self, seen: Observation, plant: Plant) -> None:
        """Keep the cell."""
        self._limits = self.limits.of_start(seen.ambient_c, seen.temperature_c)
        self._plant = plant
        self._last = 0.0

    def decide(self, seen: Observation) -> Decision:
        """The largest current that keeps the limits on the cell itself."""
        rate, limit = largest_rate(self._plant, self._limits, self.control_s, self.c_rate_max, self._last)
        self.binds[limit] = self.binds.get(limit, 0) + 1
        self._last = rate
        return Decision(rate)


def largest_rate(
    model: Plant, limits: Limits, seconds: float, highest: float, guess: float = 0.0, lowest: float = 0.05
) -> tuple[float, str]:
    """The largest C-rate whose step keeps all limits, by false position within a bracket that is halved where needed.

    Args:
        model: predicts the step.
        limits: of this charge.
        seconds: length of the step.
        highest: largest C-rate considered.
        guess: C-rate to try first, 0 for none.
        lowest: taken where nothing keeps the limits.

    Returns:
        The C-rate, and the limit that decided: "plating", "temperature", "voltage", "solver", or "charger" if the
        largest C-rate keeps all.
    """
    bracket = _Bracket(lowest, highest)
    tried = min(max(guess, lowest), highest) if guess > 0 else 0.5 * (lowest + highest)
    for number in range(TRIES):
        slack, limit = _slack(model, limits, tried, seconds)
        bracket.narrow(tried, slack, limit)
        if bracket.is_met(number):
            break
        tried = bracket.next_try()
    return (bracket.safe, bracket.limit) if bracket.is_safe else (lowest, bracket.limit)


class _Bracket:
    """Where the largest safe current lies: above one that is safe, below one that is not."""

    def __init__(self, lowest: float, highest: float) -> None:
        self.safe, self.unsafe = lowest, highest
        self.slack_safe: float | None = None
        self.slack_unsafe: float | None = None
        self.is_safe, self.limit = False, "charger"
        self._highest = highest

    def narrow(self, rate: float, slack: float, limit: str) -> None:
        """Take in what a current gives."""
        if slack >= 0:
            self.safe, self.slack_safe, self.is_safe = rate, slack, True
            if rate < self._highest and self.slack_unsafe is None:
                self.limit = limit
        else:
            self.unsafe, self.slack_unsafe, self.limit = rate, slack, limit
        if self.is_safe and self.safe >= self._highest:
            self.limit = "charger"

    def is_met(self, number: int) -> bool:
        """Whether the safe end is close enough to the limit."""
        close = self.slack_safe is not None and self.slack_safe <= SLACK_TOLERANCE
        return close or self.unsafe - self.safe <= RATE_TOLERANCE or (self.is_safe and self.safe >= self._highest)

    def next_try(self) -> float:
        """False position aimed just inside, kept off the ends; a wide step where one end was not tried yet."""
        low, high = self.safe, self.unsafe
        if self.slack_unsafe is None:
            return min(high, 1.3 * low + 0.1)
        if self.slack_safe is None:
            return max(low, 0.75 * high - 0.05) if self.slack_unsafe > FAR else 0.5 * (low + high)
        if self.slack_unsafe <= FAR:
            return 0.5 * (low + high)
        share = (self.slack_safe - SLACK_TOLERANCE / 2) / (self.slack_safe - self.slack_unsafe)
        return low + (high - low) * min(max(share, 0.05), 0.95)


def _slack(model: Plant, limits: Limits, rate: float, seconds: float) -> tuple[float, str]:
    """Distance to the nearest limit and its name; far below it where the step cannot be solved."""
    try:
        reading = model.peek(rate, seconds)
    except ChargeError:
        return FAR, "solver"
    slacks = limits.slacks(reading)
    name = min(slacks, key=lambda kind: slacks[kind])
    return slacks[name], name
