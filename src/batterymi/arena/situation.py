"""What the jobs of the arena share: settings as plain data, made into cells, limits and terms."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batterymi.arena.tune import validation_scenarios
from batterymi.charging.charge_loop import Simulator, Terms
from batterymi.charging.limits import Limits
from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Start


@dataclass(frozen=True)
class Situation:
    """One cell at one starting temperature, with the rules of the arena.

    Attributes:
        cell: a declared cell.
        condition: name of the temperature.
        ambient_c: of the surroundings, °C.
        initial_c: of the cell, °C, or None if it is that of the surroundings.
        rules: what `Arena.rules` returns.
    """

    cell: str
    condition: str
    ambient_c: float
    initial_c: float | None
    rules: Mapping[str, Any]

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"{self.cell}, {self.condition}"

    @property
    def terms(self) -> Terms:
        """How charges are run."""
        rules = self.rules
        return Terms(rules["soc_end"], rules["control_s"], rules["time_limit_min"], rules["c_rates"][1])

    @property
    def nominal(self) -> Start:
        """A fresh cell from the nominal state of charge."""
        return Start(self.rules["soc_nominal"], self.ambient_c, self.initial_c, 0.0)

    def limits(self, voltage_v: float) -> Limits:
        """Limits of a cell with a full voltage."""
        rules = self.rules
        return Limits(rules["margin_mv"], rules["temperature_c"], voltage_v, rules["headroom_k"])

    def validation(self, n: int, seed: int) -> list[Start]:
        """Scenarios to tune on."""
        return validation_scenarios(n, seed, self.rules["soc"], self.rules["lithium_lost"], self.nominal)

    def held_out(self, n: int, seed: int) -> list[Start]:
        """Scenarios to judge on; nothing is tuned on them."""
        ambient = (self.ambient_c, self.ambient_c)
        soc, lost = self.rules["soc"], self.rules["lithium_lost"]
        return draw_scenarios(
            n, seed, "held_out", soc=soc, ambient_c=ambient, lithium_lost=lost, preheated_c=self.initial_c
        )

    def build(self, model: str) -> Simulator:
        """The cell on "SPMe" or "DFN"."""
        from batterymi.charging.simulator import ChargingSimulator

        return ChargingSimulator(cell=self.cell, model=model, soc_end=self.rules["soc_end"])


class Stopwatch:
    """CPU time of a job so far."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        """Start."""
        self._clock, self._begun = clock, clock()

    def lap(self) -> float:
        """Seconds since the start or the last lap."""
        now = self._clock()
        passed, self._begun = now - self._begun, now
        return passed
