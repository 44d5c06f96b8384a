"""One charge of one cell by one controller, and what the arena's tables say of it."""

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batterymi.charging.charge_loop import Terms, run_protocol
from batterymi.charging.controller import Controller, Decision, Observation
from batterymi.charging.limits import KINDS, Limits
from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import Plant, Simulator
from batterymi.charging.state import Reading, Start

if TYPE_CHECKING:
    import pandas as pd

Step = tuple[float, float, float]
EXTREMES = ("plating_margin_mv", "temperature_max_c", "voltage_max_v")


@dataclass
class Progress:
    """Extremes of a charge so far.

    Attributes:
        plating_margin_mv: smallest plating margin.
        temperature_max_c: highest temperature.
        voltage_max_v: highest voltage.
        failure: kind of the failure that ended it, empty if none did.
        steps: state of charge and temperature (°C) at the start of each step, and its C-rate.
    """

    plating_margin_mv: float = float("inf")
    temperature_max_c: float = float("-inf")
    voltage_max_v: float = float("-inf")
    failure: str = ""
    steps: list[Step] = field(default_factory=list)

    def add_step(self, before: Reading, reading: Reading) -> None:
        """Add a step."""
        self.steps.append((before.soc, before.temperature_c, reading.rate))
        self.plating_margin_mv = min(self.plating_margin_mv, reading.plating_margin_mv)
        self.temperature_max_c = max(self.temperature_max_c, reading.temperature_max_c)
        self.voltage_max_v = max(self.voltage_max_v, reading.voltage_max_v)


@dataclass
class TimedController:
    """A controller whose decisions are counted and timed.

    Attributes:
        controller: decides.
        decisions: number of decisions.
        seconds: how long they took together.
    """

    controller: Controller
    decisions: int = 0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.controller.name

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Let the controller observe the cell before the first step."""
        self.controller.begin(observation, plant)

    def decide(self, observation: Observation) -> Decision | None:
        """Return what the controller decides, and add the time it took."""
        begun = time.perf_counter()
        decision = self.controller.decide(observation)
        self.seconds += time.perf_counter() - begun
        self.decisions += 1
        return decision


@dataclass(frozen=True)
class Trial:
    """A charge that ended, at its target or not.

    Attributes:
        row: its numbers, as in tables.
        steps: state of charge and temperature (°C) at the start of each step, and its C-rate.
        trace: the charge over time, if `keep_trace` was set and nothing failed before the first step.
    """

    row: dict[str, Any]
    steps: list[Step]
    trace: "pd.DataFrame | None" = None


def run_trial(
    simulator: Simulator,
    start: Start,
    controller: Controller,
    limits: Limits,
    terms: Terms,
    *,
    keep_trace: bool = False,
) -> Trial:
    """Charge a cell until the state of charge to reach, the time limit, a failure, or the controller's end.

    Args:
        simulator: the cell.
        start: its state.
        controller: decides.
        limits: of the cell, without the start's temperature.
        terms: how charges are run.
        keep_trace: whether to keep the charge over time.

    Returns:
        Minutes are NaN unless the state of charge was reached; extremes are those of the steps that were taken, so a
        failed charge keeps the violations before its failure.
    """
    timed, limits = TimedController(controller), limits.at(start)
    try:
        session = simulator.begin(start)
        before = session.now
    except ChargeError as error:
        unknown = Reading(0.0, start.soc, 0.0, *[math.nan] * 8)
        return Trial(_make_row(unknown, Progress(failure=error.kind.value), timed, limits, terms), [])
    progress = Progress(temperature_max_c=before.temperature_c, voltage_max_v=before.voltage_v)
    try:
        for reading in run_protocol(session, timed, terms, start.ambient_c):
            progress.add_step(before, reading)
            before = reading
    except ChargeError as error:
        progress.failure = error.kind.value
    trace = session.trace() if keep_trace and session.seconds > 0 else None
    return Trial(_make_row(session.now, progress, timed, limits, terms), progress.steps, trace)


def _make_row(now: Reading, progress: Progress, timed: TimedController, limits: Limits, terms: Terms) -> dict[str, Any]:
    """Return the numbers of a charge for tables."""
    reached = not progress.failure and terms.is_reached(now.soc)
    outcome: dict[str, Any] = {
        "minutes": now.seconds / 60 if reached else float("nan"),
        "soc_end": now.soc,
        **{name: value if math.isfinite(value := getattr(progress, name)) else math.nan for name in EXTREMES},
        "capacity_lost_mah": now.capacity_lost_mah,
        "plated_mah": now.plated_mah,
        "failure": progress.failure,
        "decisions": timed.decisions,
        "ms_per_decision": 1000 * timed.seconds / max(timed.decisions, 1),
        "temperature_limit_c": limits.temperature_c,
    }
    broken = limits.find_broken(progress)
    return outcome | {f"breaks_{kind}": kind in broken for kind in KINDS}
