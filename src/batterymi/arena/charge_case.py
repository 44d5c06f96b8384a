"""What the jobs of the arena share: a cell at a temperature, made into simulators, limits, terms and scenarios."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from batterymi.charging.charge_loop import Terms
from batterymi.charging.limits import Limits
from batterymi.charging.plant import Simulator
from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Start
from batterymi.config.arena_parts import ChargeRules, Situation


@dataclass(frozen=True)
class ChargeCase:
    """A cell at a starting temperature, with all that charges of it need.

    Attributes:
        situation: settings.
    """

    situation: Situation

    @property
    def rules(self) -> ChargeRules:
        """What every charge keeps to."""
        return self.situation.rules

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.situation.cell}, {self.situation.condition}"

    @property
    def terms(self) -> Terms:
        """How charges are run."""
        rules = self.rules
        return Terms(rules.soc_end, rules.control_s, rules.time_limit_min, rules.c_rates[1])

    @property
    def nominal(self) -> Start:
        """A fresh cell from the nominal state of charge."""
        return Start(self.rules.soc_nominal, self.situation.ambient_c, self.situation.initial_c, 0.0)

    def limits(self, voltage_v: float) -> Limits:
        """Return the limits of a cell with a full voltage."""
        rules = self.rules
        return Limits(rules.margin_mv, rules.temperature_c, voltage_v, rules.headroom_k)

    def draw_validation(self, n: int, seed: int) -> list[Start]:
        """Return scenarios to tune on: the corners of the ranges, and draws that are not the held-out ones.

        The ranges are known to whoever tunes, the held-out draws are not.
        """
        corners = itertools.product(self.rules.soc, self.rules.lithium_lost)
        known = [replace(self.nominal, soc=soc, lithium_lost=lost) for soc, lost in corners]
        return (known + self._draw(max(n - len(known), 0), seed, "validation"))[: max(n, 1)]

    def draw_held_out(self, n: int, seed: int) -> list[Start]:
        """Return scenarios to test on; nothing is tuned on them."""
        return self._draw(n, seed, "held_out")

    def _draw(self, n: int, seed: int, split: str) -> list[Start]:
        """Draw scenarios at the temperatures of the case."""
        ambient_c = (self.situation.ambient_c, self.situation.ambient_c)
        ranges = {"soc": self.rules.soc, "ambient_c": ambient_c, "lithium_lost": self.rules.lithium_lost}
        return draw_scenarios(n, seed, split, **ranges, preheated_c=self.situation.initial_c)

    def build(self, model: str) -> Simulator:
        """Build the cell on "SPMe" or "DFN"."""
        from batterymi.charging.simulator import ChargingSimulator

        return ChargingSimulator(cell=self.situation.cell, model=model, soc_end=self.rules.soc_end)


class Stopwatch:
    """CPU time of a job so far."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        """Start."""
        self._clock, self._begun = clock, clock()

    def measure_lap(self) -> float:
        """Return the seconds since the start or the last lap."""
        now = self._clock()
        passed, self._begun = now - self._begun, now
        return passed
