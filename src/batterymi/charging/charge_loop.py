"""The one loop in which cells are charged: by protocols of studies, controllers of the arena and agents in training."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from batterymi.charging.controller import Controller, Decision, Observation
from batterymi.charging.plant import ChargingSession
from batterymi.charging.state import Reading
from batterymi.charging.voltage_hold import LEAST_RATE, VoltageHold

# the last step ends at the target state of charge only up to rounding
REACHED = 1e-6
# a session refuses steps without duration
SHORTEST_S = 1e-3


@dataclass(frozen=True)
class Terms:
    """How a charge is run, whoever controls it.

    Attributes:
        soc_end: target state of charge.
        control_s: control step, s; the last is shortened to end at `soc_end`.
        time_limit_min: a charge that takes longer counts as not finished.
        c_rate_max: currents above are cut, as the charger cannot give them.
        c_rate_min: currents below are raised, so that every charge ends.
        hold_tolerance_v: a held voltage is met within this, from below.
    """

    soc_end: float = 0.8
    control_s: float = 60.0
    time_limit_min: float = 120.0
    c_rate_max: float = 10.0
    c_rate_min: float = LEAST_RATE
    hold_tolerance_v: float = 2e-3

    @classmethod
    def for_protocol(cls, soc_end: float) -> "Terms":
        """Return terms under which a protocol alone decides, and a voltage is held as well as can be."""
        return cls(soc_end, time_limit_min=math.inf, c_rate_max=math.inf, c_rate_min=0.0, hold_tolerance_v=2e-4)

    def is_reached(self, soc: float) -> bool:
        """Return whether a state of charge is the one to reach."""
        return soc >= self.soc_end - REACHED

    def is_late(self, seconds: float) -> bool:
        """Return whether the time limit has passed."""
        return seconds >= 60 * self.time_limit_min - SHORTEST_S


def run_protocol(session: ChargingSession, controller: Controller, terms: Terms, ambient_c: float) -> Iterator[Reading]:
    """Charge until the state of charge to reach, the time limit, or the controller's end.

    Args:
        session: a cell put on charge.
        controller: decides.
        terms: how the charge is run.
        ambient_c: temperature of the surroundings, which controllers may observe.

    Yields:
        What is read at the end of each step.

    Raises:
        ChargeError: where a step cannot be simulated; the session stays at the end of the step before.
    """
    observation, hold = Observation(session, ambient_c), VoltageHold(terms.hold_tolerance_v)
    controller.begin(observation, session)
    while not (terms.is_reached(session.soc) or terms.is_late(session.seconds)):
        decision = controller.decide(observation)
        reading = None if decision is None else take_step(session, decision, terms, hold)
        if reading is None:
            return
        yield reading


def take_step(session: ChargingSession, decision: Decision, terms: Terms, hold: VoltageHold) -> Reading | None:
    """Take a step, at a lower current where the charger's circuit has to hold a voltage, no longer than needed.

    Args:
        session: where the step starts.
        decision: what the controller wants.
        terms: how the charge is run.
        hold: the charger's circuit, as it was left by the step before.

    Returns:
        What is read at the end, or None where the current that holds the voltage is below the cut-off.
    """
    rate = min(max(decision.rate, terms.c_rate_min), terms.c_rate_max)
    longest = _limit_duration(session, decision, rate, terms)
    if decision.ceiling_v is not None:
        rate = hold.find_rate(session, rate, longest, decision.ceiling_v)
        if rate < decision.cutoff_rate:
            return None
    seconds = max(min(longest, session.seconds_to(terms.soc_end, rate)), SHORTEST_S)
    if decision.until_v is not None:
        return session.step_to_voltage(rate, seconds, decision.until_v)
    return session.step(rate, seconds)


def _limit_duration(session: ChargingSession, decision: Decision, rate: float, terms: Terms) -> float:
    """Return how long a step may last, before it is cut at the state of charge to reach."""
    left_s = 60 * terms.time_limit_min - session.seconds
    if decision.until_soc is not None:
        return min(session.seconds_to(min(decision.until_soc, terms.soc_end), rate), left_s)
    return min(terms.control_s if decision.seconds is None else decision.seconds, left_s)
