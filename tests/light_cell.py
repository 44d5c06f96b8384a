"""A cell of a few formulas, on which agents are tested without a simulator."""

from dataclasses import replace
from typing import Any

from batterymi.agents.environment import ChargingEnvironment
from batterymi.charging.outcome import ChargeError, FailureKind
from batterymi.charging.state import Reading, Start
from batterymi.config.agents import Environment, LimitSettings, Training

REST = Reading(0.0, 0.1, 0.0, 3.5, 3.5, 25.0, 25.0, 40.0, 100.0, 0.0, 0.0)
LIMITS = LimitSettings(
    plating_margin_mv=0,
    plating_reserve_mv=10,
    checked_reserve_mv=5,
    temperature_c=45,
    temperature_reserve_c=1,
    warming_c=5,
    voltage_reserve_v=0,
)
TINY = {"steps": 90, "learning_starts": 20, "batch": 16, "net": (8, 8)}


class LightSession:
    """A cell of a few formulas: the margin falls with SOC and current and rises with temperature."""

    def __init__(self, start: Start, fails_above: float) -> None:
        """Rest at the start."""
        self.start, self.fails_above = start, fails_above
        self.held = 1 - start.lithium_lost
        self.now = self._read(REST, 0.0, 0.0, start.soc, start.temperature_c)

    @property
    def soc(self) -> float:
        return self.now.soc

    @property
    def seconds(self) -> float:
        return self.now.seconds

    def step(self, rate: float, seconds: float) -> Reading:
        self.now = self.peek(rate, seconds)
        return self.now

    def peek(self, rate: float, seconds: float) -> Reading:
        if rate > self.fails_above:
            raise ChargeError(FailureKind.SOLVER_FAILED, f"at {rate:.3g}C: no solution")
        soc = self.now.soc + rate * seconds / 3600 / self.held
        warmer = self.now.temperature_c + seconds / 600 * (self.start.ambient_c + 4 * rate**2 - self.now.temperature_c)
        return self._read(self.now, rate, seconds, soc, warmer)

    def seconds_to(self, soc: float, rate: float) -> float:
        return 3600 * (soc - self.now.soc) * self.held / rate

    def _read(self, before: Reading, rate: float, seconds: float, soc: float, temperature: float) -> Reading:
        resistance = 20 + 200 * self.start.lithium_lost + 0.5 * (45 - temperature)
        voltage = 3.4 + 0.7 * soc + rate * resistance / 1000
        return replace(
            before,
            seconds=before.seconds + seconds,
            soc=soc,
            rate=rate,
            voltage_v=voltage,
            voltage_max_v=voltage,
            temperature_c=temperature,
            temperature_max_c=max(temperature, before.temperature_c),
            resistance_mohm=resistance,
            plating_margin_mv=140 - 80 * soc - (50 - 0.6 * temperature) * rate,
            capacity_lost_mah=before.capacity_lost_mah + 1e-3 * seconds * rate,
        )


class LightSimulator:
    """What a simulator offers, without the wait."""

    capacity_ah = 2.5
    voltage_max_v = 4.2

    def __init__(self, fails_above: float = 100.0) -> None:
        """Take the C-rate above which nothing can be solved."""
        self.fails_above = fails_above

    def begin(self, start: Start) -> LightSession:
        return LightSession(start, self.fails_above)


def make_environment(
    kind: str = "sac", simulator: LightSimulator | None = None, **settings: Any
) -> ChargingEnvironment:
    return ChargingEnvironment(simulator or LightSimulator(), Environment(**settings), kind)


def make_training(**changes: Any) -> Training:
    return Training(validation=2, evaluate_every=30, environment=Environment(time_limit_min=60), **changes)
