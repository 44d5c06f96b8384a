"""One charge of one cell by one charger."""

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from batterymi.charging.charger import Charger, Decision, Plant
from batterymi.charging.controller import Observation
from batterymi.charging.limits import Limits
from batterymi.charging.outcome import ChargeError
from batterymi.charging.state import Reading, Start

if TYPE_CHECKING:
    import pandas as pd

REACHED = 1e-6
SHORTEST_S = 1e-3
HELD_V = 2e-3  # a held voltage is met within this, from below
HOLD_TRIES = 12
LEAST_RATE = 0.02
EXTREMES = ("plating_margin_mv", "temperature_max_c", "voltage_max_v")


class Session(Plant, Protocol):
    """A cell on charge."""

    @property
    def now(self) -> Reading:
        """The last reading."""

    def seconds_to(self, soc: float, rate: float) -> float:
        """Time to a state of charge at some C-rate, s."""

    def step(self, rate: float, seconds: float) -> Reading:
        """Charge at constant current."""

    def trace(self) -> "pd.DataFrame":
        """The charge over time."""


class Simulator(Protocol):
    """What starts charges."""

    voltage_max_v: float
    capacity_ah: float

    def begin(self, start: Start) -> Session:
        """Put a cell on charge."""


@dataclass(frozen=True)
class Terms:
    """How every charge of the arena is run.

    Attributes:
        soc_end: state of charge to reach.
        control_s: control step, s; the last is shortened to end at `soc_end`.
        time_limit_min: a charge that takes longer counts as not finished.
        c_rate_max: currents above are cut, as the charger cannot give them.
    """

    soc_end: float = 0.8
    control_s: float = 60.0
    time_limit_min: float = 120.0
    c_rate_max: float = 10.0


@dataclass
class Progress:
    """Extremes of a charge so far.

    Attributes:
        margin_mv: smallest plating margin.
        temperature_c: highest temperature.
        voltage_v: highest voltage.
        decisions: how many were asked for.
        thinking_s: how long they took together.
        failure: kind of the failure that ended it, empty if none did.
        slope_v: volts per C-rate, where a voltage was held.
        steps: state of charge and temperature (°C) at the start of each step, and its C-rate.
    """

    margin_mv: float = float("inf")
    temperature_c: float = float("-inf")
    voltage_v: float = float("-inf")
    decisions: int = 0
    thinking_s: float = 0.0
    failure: str = ""
    slope_v: float | None = None
    steps: list[tuple[float, float, float]] = field(default_factory=list)

    def note(self, before: Reading, reading: Reading) -> None:
        """Take a step in."""
        self.steps.append((before.soc, before.temperature_c, reading.rate))
        self.margin_mv = min(self.margin_mv, reading.plating_margin_mv)
        self.temperature_c = max(self.temperature_c, reading.temperature_max_c)
        self.voltage_v = max(self.voltage_v, reading.voltage_max_v)


@dataclass(frozen=True)
class Charge:
    """A charge that ended, somehow.

    Attributes:
        row: its numbers, as they stand in tables.
        steps: state of charge and temperature (°C) at the start of each step, and its C-rate.
        trace: the charge over time, if it was asked for and nothing failed before the first step.
    """

    row: dict[str, Any]
    steps: list[tuple[float, float, float]]
    trace: "pd.DataFrame | None" = None


def run_charge(
    simulator: Simulator, start: Start, charger: Charger, limits: Limits, terms: Terms, *, keep_trace: bool = False
) -> Charge:
    """Charge a cell from a start until the state of charge to reach, the time limit, a failure, or the charger's end.

    Args:
        simulator: the cell.
        start: its state.
        charger: decides.
        limits: of the cell, without the start's temperature.
        terms: how charges are run.
        keep_trace: whether to keep the charge over time.

    Returns:
        Minutes are not-a-number unless the state of charge was reached; extremes are those of the steps that were
        taken, so a failed charge keeps the violations before its failure.
    """
    try:
        session = simulator.begin(start)
        rest = session.now
    except ChargeError as error:
        return Charge(_row(_unknown(start), Progress(failure=error.kind.value), limits.at(start), terms), [])
    progress = Progress(temperature_c=rest.temperature_c, voltage_v=rest.voltage_v)
    try:
        charger.begin(Observation.of(session.now, start.ambient_c), session)
        while not _is_over(session.now, terms):
            before = session.now
            decision = _ask(charger, Observation.of(before, start.ambient_c), progress)
            if decision is None:
                break
            progress.note(before, _take(session, decision, terms, progress))
    except ChargeError as error:
        progress.failure = error.kind.value
    trace = session.trace() if keep_trace and session.now.seconds > 0 else None
    return Charge(_row(session.now, progress, limits.at(start), terms), progress.steps, trace)


def _unknown(start: Start) -> Reading:
    """A cell that could not be put on charge."""
    return Reading(0.0, start.soc, 0.0, *[math.nan] * 8)


def _is_over(now: Reading, terms: Terms) -> bool:
    """Whether the charge reached its end or its time limit."""
    return now.soc >= terms.soc_end - REACHED or now.seconds >= 60 * terms.time_limit_min - SHORTEST_S


def _ask(charger: Charger, seen: Observation, progress: Progress) -> Decision | None:
    """A decision, timed."""
    begun = time.perf_counter()
    decision = charger.decide(seen)
    progress.thinking_s += time.perf_counter() - begun
    progress.decisions += 1
    return decision


def _take(session: Session, decision: Decision, terms: Terms, progress: Progress) -> Reading:
    """Take a step, at a lower current where the charger's circuit has to hold a voltage, no longer than needed."""
    rate = min(max(decision.rate, LEAST_RATE), terms.c_rate_max)
    longest = _longest_s(session, decision, rate, terms)
    if decision.ceiling_v is not None:
        rate = held_rate(session, rate, longest, decision.ceiling_v, progress)
    return session.step(rate, max(min(longest, session.seconds_to(terms.soc_end, rate)), SHORTEST_S))


def _longest_s(session: Session, decision: Decision, rate: float, terms: Terms) -> float:
    """How long a step may last, before it is cut at the state of charge to reach."""
    left_s = 60 * terms.time_limit_min - session.now.seconds
    if decision.until_soc is not None:
        return min(session.seconds_to(min(decision.until_soc, terms.soc_end), rate), left_s)
    return min(terms.control_s if decision.seconds is None else decision.seconds, left_s)


def held_rate(session: Session, rate: float, seconds: float, ceiling_v: float, progress: Progress) -> float:
    """The highest C-rate up to `rate` whose step stays below a voltage, by the secant method within a bracket.

    Args:
        session: where the step starts.
        rate: highest C-rate.
        seconds: length of the step.
        ceiling_v: voltage not to pass.
        progress: remembers volts per C-rate from step to step.

    Returns:
        The C-rate; at least `LEAST_RATE`, even where the voltage is passed at every current.
    """
    low, high = 0.0, rate
    tried = min(rate, session.now.rate) if session.now.rate > 0 and progress.slope_v else rate
    last: tuple[float, float] | None = None
    for _ in range(HOLD_TRIES):
        gap = _excess(session, tried, seconds, ceiling_v)
        if gap <= 0 and (gap >= -HELD_V or tried >= rate):
            return tried
        low, high = (tried, high) if gap <= 0 else (low, tried)
        if high <= LEAST_RATE:
            break
        progress.slope_v = _slope(last, (tried, gap)) or progress.slope_v
        last = (tried, gap) if math.isfinite(gap) else last
        tried = _next_try(low, high, tried, gap, progress.slope_v)
    return max(low, LEAST_RATE)


def _slope(one: tuple[float, float] | None, other: tuple[float, float]) -> float | None:
    """Volts per C-rate from two tries, or None where they do not tell."""
    if one is None or one[0] == other[0] or not math.isfinite(other[1]):
        return None
    slope = (other[1] - one[1]) / (other[0] - one[0])
    return slope if slope > 0 else None


def _excess(session: Session, rate: float, seconds: float, ceiling_v: float) -> float:
    """By how much a step passes a voltage; far, where it cannot be solved."""
    try:
        return session.peek(rate, seconds).voltage_max_v - ceiling_v
    except ChargeError:
        return float("inf")


def _next_try(low: float, high: float, tried: float, gap: float, slope_v: float | None) -> float:
    """A current within the bracket: by the slope, aimed at the middle of the tolerance, or half way."""
    if slope_v is None or not math.isfinite(gap):
        return 0.5 * (low + high)
    wanted = tried - (gap + HELD_V / 2) / slope_v
    return wanted if low < wanted < high else 0.5 * (low + high)


def _row(now: Reading, progress: Progress, limits: Limits, terms: Terms) -> dict[str, Any]:
    """Numbers of a charge for tables."""
    reached = not progress.failure and now.soc >= terms.soc_end - REACHED
    outcome: dict[str, Any] = {
        "minutes": now.seconds / 60 if reached else float("nan"),
        "soc_end": now.soc,
        "plating_margin_mv": progress.margin_mv,
        "temperature_max_c": progress.temperature_c,
        "voltage_max_v": progress.voltage_v,
        "capacity_lost_mah": now.capacity_lost_mah,
        "plated_mah": now.plated_mah,
        "failure": progress.failure,
        "decisions": progress.decisions,
        "ms_per_decision": 1000 * progress.thinking_s / max(progress.decisions, 1),
        "temperature_limit_c": limits.temperature_c,
    }
    broken = limits.broken(outcome)
    outcome |= {key: outcome[key] if math.isfinite(outcome[key]) else math.nan for key in EXTREMES}
    return outcome | {f"breaks_{kind}": kind in broken for kind in ("plating", "temperature", "voltage")}
