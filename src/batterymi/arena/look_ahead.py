"""Greedy look-ahead: at every step the largest current that a model predicts to keep all limits."""

from dataclasses import dataclass, field

from batterymi.charging.controller import Decision, Observation
from batterymi.charging.limits import Limits
from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import ChargingSession, Plant, Simulator
from batterymi.charging.state import Start

TRIES = 8
RATE_TOLERANCE = 0.02
SLACK_TOLERANCE = 0.1  # in the units of `Limits.compute_slacks`: 1 mV of margin
UNSOLVED_SLACK = -1e3


@dataclass
class GreedyController:
    """Take the largest current that a model predicts to keep all limits over one control step.

    Attributes:
        name: what tables call it.
        limits: to keep, reserve included, without the start's temperature.
        control_s: length of the prediction.
        c_rate_max: largest current it considers.
        binds: how often each limit was active, over all charges since it was made.
    """

    name: str
    limits: Limits
    control_s: float
    c_rate_max: float
    binds: dict[str, int] = field(default_factory=dict)

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Keep the limits of a charge that starts as it is observed."""
        self._limits = self.limits.adjust_for_start(observation.ambient_c, observation.temperature_c)
        self._last = 0.0

    def choose_rate(self, model: Plant) -> float:
        """Return the largest current that keeps the limits on a model, and count the limit that is active."""
        rate, limit = find_largest_rate(model, self._limits, self.control_s, self.c_rate_max, self._last)
        self.binds[limit] = self.binds.get(limit, 0) + 1
        self._last = rate
        return rate


@dataclass
class LookAhead(GreedyController):
    """Look one control step ahead with a model of a fresh cell, which starts from what the controller observes.

    The twin takes the same currents as the cell and drifts away from it, since it does not know the cell's age. The
    charger's circuit holds the full voltage where an aged cell reaches it earlier than the twin.

    Attributes:
        twin: the model.
        voltage_v: full voltage of the cell.
    """

    twin: Simulator = field(kw_only=True)
    voltage_v: float = field(kw_only=True)

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Start the twin in the state that is observed."""
        super().begin(observation, plant)
        self._session, self._seconds = self._start_twin(observation), observation.seconds

    def decide(self, observation: Observation) -> Decision:
        """Advance the twin by the last step, then choose the largest safe current."""
        self._advance_twin(observation)
        return Decision(self.choose_rate(self._session), ceiling_v=self.voltage_v)

    def _advance_twin(self, observation: Observation) -> None:
        """Take the step that the cell took; where the twin cannot, it starts again from what is observed."""
        passed = observation.seconds - self._seconds
        if passed > 0:
            try:
                # the current that flowed, which is less than decided where the circuit held the voltage
                self._session.step(observation.rate, passed)
            except ChargeError:
                self._session = self._start_twin(observation)
        self._seconds = observation.seconds

    def _start_twin(self, observation: Observation) -> ChargingSession:
        """Start a fresh cell at rest in the state that is observed."""
        # a start refuses states of charge below 0, and of 1 and above
        soc = min(max(observation.soc, 0.0), 0.999)
        return self.twin.begin(Start(soc=soc, ambient_c=observation.ambient_c, initial_c=observation.temperature_c))


class Oracle(GreedyController):
    """Look-ahead with the cell itself as its model: it knows age and anode, which no charger does.

    It is a bound for one-step look-ahead, not a participant.
    """

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Keep the cell itself as the model."""
        super().begin(observation, plant)
        self._plant = plant

    def decide(self, observation: Observation) -> Decision:
        """Return the largest current that keeps the limits on the cell itself."""
        return Decision(self.choose_rate(self._plant))


def find_largest_rate(
    model: Plant, limits: Limits, seconds: float, highest: float, guess: float = 0.0, lowest: float = 0.05
) -> tuple[float, str]:
    """Find the largest C-rate whose step keeps all limits, by false position within a bracket.

    Args:
        model: predicts the step.
        limits: of this charge.
        seconds: length of the step.
        highest: largest C-rate considered.
        guess: C-rate to try first, 0 for none.
        lowest: taken where nothing keeps the limits.

    Returns:
        The C-rate, and the active limit: "plating", "temperature", "voltage", "solver", or "charger" if the
        largest C-rate keeps all.
    """
    bracket = _Bracket(lowest, highest)
    # the safe current changes little from step to step, so the last one saves tries
    tried = min(max(guess, lowest), highest) if guess > 0 else 0.5 * (lowest + highest)
    for _ in range(TRIES):
        slack, limit = _compute_slack(model, limits, tried, seconds)
        bracket.update_bounds(tried, slack, limit)
        if bracket.is_met():
            break
        tried = bracket.choose_next_rate()
    # a charge must go on, so the lowest current is taken even where it violates a limit
    return (bracket.safe, bracket.limit) if bracket.is_safe else (lowest, bracket.limit)


class _Bracket:
    """Where the largest safe current lies: above one that is safe, below one that is not."""

    def __init__(self, lowest: float, highest: float) -> None:
        self.safe, self.unsafe = lowest, highest
        self.slack_safe: float | None = None
        self.slack_unsafe: float | None = None
        self.is_safe, self.limit = False, "charger"
        self._highest = highest

    def update_bounds(self, rate: float, slack: float, limit: str) -> None:
        """Narrow the bracket by the slack that a C-rate gave."""
        if slack >= 0:
            self.safe, self.slack_safe, self.is_safe = rate, slack, True
            if rate < self._highest and self.slack_unsafe is None:
                self.limit = limit
        else:
            self.unsafe, self.slack_unsafe, self.limit = rate, slack, limit
        if self.is_safe and self.safe >= self._highest:
            self.limit = "charger"

    def is_met(self) -> bool:
        """Check whether the safe end is close enough to the limit."""
        close = self.slack_safe is not None and self.slack_safe <= SLACK_TOLERANCE
        return close or self.unsafe - self.safe <= RATE_TOLERANCE or (self.is_safe and self.safe >= self._highest)

    def choose_next_rate(self) -> float:
        """Choose the next C-rate by false position just inside the limit; a wide step while an end is untried."""
        low, high = self.safe, self.unsafe
        # no unsafe current is known yet, so there is nothing to interpolate to
        if self.slack_unsafe is None:
            return min(high, 1.3 * low + 0.1)
        if self.slack_safe is None:
            return max(low, 0.75 * high - 0.05) if self.slack_unsafe > UNSOLVED_SLACK else 0.5 * (low + high)
        # the slack of a step that cannot be solved is not one to interpolate with
        if self.slack_unsafe <= UNSOLVED_SLACK:
            return 0.5 * (low + high)
        share = (self.slack_safe - SLACK_TOLERANCE / 2) / (self.slack_safe - self.slack_unsafe)
        # near an end of the bracket false position would hardly narrow it
        return low + (high - low) * min(max(share, 0.05), 0.95)


def _compute_slack(model: Plant, limits: Limits, rate: float, seconds: float) -> tuple[float, str]:
    """Return the distance to the nearest limit and its name; `UNSOLVED_SLACK` where the step cannot be solved."""
    try:
        reading = model.peek(rate, seconds)
    except ChargeError:
        return UNSOLVED_SLACK, "solver"
    slacks = limits.compute_slacks(reading)
    name = min(slacks, key=lambda kind: slacks[kind])
    return slacks[name], name
