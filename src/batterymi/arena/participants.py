"""Who takes part: controllers by name, as the jobs of the arena make them."""

from dataclasses import dataclass
from typing import Any

from batterymi.arena.look_ahead import LookAhead, Oracle
from batterymi.charging.charge_loop import Simulator, Terms
from batterymi.charging.charger import ByController, Charger
from batterymi.charging.controllers import CHAPTER_PHASES, CHAPTER_PROFILES, BySoc, ByTime, ConstantRate, equal_windows
from batterymi.charging.limits import Limits
from batterymi.vocabulary.controllers import OPEN_LOOP


@dataclass(frozen=True)
class Workshop:
    """What controllers are made from.

    Attributes:
        cell: its name.
        voltage_v: full voltage of the cell.
        limits: of the cell.
        terms: how charges are run.
        soc_start: where protocols of equal steps begin.
        reserve: millivolts of margin, kelvin and volts that look-ahead keeps to itself.
        tuned: what tuning found, empty where nothing needs it.
        protocols: what the optimisation of protocols found, empty where nothing needs it.
        twin: the model that look-ahead plans with.
    """

    cell: str
    voltage_v: float
    limits: Limits
    terms: Terms
    soc_start: float
    reserve: tuple[float, float, float]
    tuned: dict[str, Any]
    protocols: dict[str, Any]
    twin: Simulator

    def make(self, name: str) -> Charger | None:
        """A controller by name; None where tuning found that none of its kind keeps the limits."""
        if name == "cc_cv_1c":
            return ConstantRate(name, 1.0, self.voltage_v)
        if name in CHAPTER_PROFILES:
            return ByTime(name, CHAPTER_PROFILES[name])
        if name == "chapter_phases":
            return BySoc(name, CHAPTER_PHASES)
        if name in ("cc_cv_safe", "plating_limited"):
            found = self.tuned[name]
            return ConstantRate(name, found["c_rate"], found["voltage_v"]) if found["c_rate"] else None
        if name in OPEN_LOOP:
            return self._protocol(name)
        return self._look_ahead(name)

    def _protocol(self, name: str) -> Charger | None:
        """An optimised protocol."""
        rates = self.protocols[name]["c_rates"]
        return BySoc(name, equal_windows(rates, self.soc_start, self.terms.soc_end)) if rates else None

    def _look_ahead(self, name: str) -> Charger:
        """Look-ahead on a twin, or on the cell itself."""
        limits = self.limits.with_reserve(*self.reserve)
        control_s, most = self.terms.control_s, self.terms.c_rate_max
        if name == "oracle":
            return Oracle(name, self.limits, control_s, most)
        if name == "look_ahead":
            return LookAhead(name, self.twin, limits, control_s, most, self.voltage_v)
        raise ValueError(f"'{name}' is not a controller")


def load_agents(algorithm: str, paths: list[str], workshop: Workshop) -> list[tuple[int, Charger]]:
    """Trained policies as chargers, with their seeds.

    Args:
        algorithm: what tables call all of them.
        paths: `policy.json` of each seed, in folders named by the seed.
        workshop: the cell and the rules; the full voltage is held for policies that were trained so.

    Raises:
        AgentError: if a policy was trained for another cell, another control step or another end.
    """
    from pathlib import Path

    from batterymi.agents.policy import load_policy

    found: list[tuple[int, Charger]] = []
    terms = workshop.terms
    needed = {"cell": workshop.cell, "soc_end": terms.soc_end, "step_s": terms.control_s}
    for path in paths:
        policy = load_policy(path, needed)
        ceiling_v = workshop.voltage_v if policy.hold_voltage else None
        found.append((int(Path(path).parent.name), ByController(policy, algorithm, ceiling_v)))
    return found
