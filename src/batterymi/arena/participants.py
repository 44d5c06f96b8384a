"""The controllers that take part, by name, as the jobs of the arena make them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batterymi.arena.look_ahead import LookAhead, Oracle
from batterymi.arena.tune import keep_reserve
from batterymi.charging.charge_loop import Terms
from batterymi.charging.controller import Controller
from batterymi.charging.controllers import (
    CHAPTER_PHASES,
    CHAPTER_PROFILES,
    BySoc,
    ByTime,
    ConstantRate,
    make_equal_windows,
)
from batterymi.charging.limits import Limits
from batterymi.charging.plant import Simulator
from batterymi.config.arena_parts import Reserve
from batterymi.vocabulary.controllers import OPEN_LOOP


@dataclass(frozen=True)
class ControllerFactory:
    """Makes controllers for a cell.

    Attributes:
        cell: its name.
        voltage_v: full voltage of the cell.
        limits: of the cell.
        terms: how charges are run.
        soc_start: where protocols of equal steps begin.
        reserve: what look-ahead keeps to the limits.
        tuned: results of tuning, empty where nothing needs them.
        protocols: the optimised protocols, empty where nothing needs them.
        twin: the model that look-ahead plans with.
    """

    cell: str
    voltage_v: float
    limits: Limits
    terms: Terms
    soc_start: float
    reserve: Reserve
    tuned: dict[str, Any]
    protocols: dict[str, Any]
    twin: Simulator

    def make_controller(self, name: str) -> Controller | None:
        """Return a controller by name; None where tuning found that none of its kind keeps the limits."""
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
            rates = self.protocols[name]["c_rates"]
            return BySoc(name, make_equal_windows(rates, self.soc_start, self.terms.soc_end)) if rates else None
        return self._make_look_ahead(name)

    def _make_look_ahead(self, name: str) -> Controller:
        """Return look-ahead on a twin, or on the cell itself."""
        limits = keep_reserve(self.limits, self.reserve)
        control_s, most = self.terms.control_s, self.terms.c_rate_max
        if name == "oracle":
            return Oracle(name, self.limits, control_s, most)
        if name == "look_ahead":
            return LookAhead(name, limits, control_s, most, twin=self.twin, voltage_v=self.voltage_v)
        raise ValueError(f"'{name}' is not a controller")


def load_agents(algorithm: str, policies: Sequence[Path], factory: ControllerFactory) -> list[tuple[int, Controller]]:
    """Load trained policies as controllers, with their seeds.

    Args:
        algorithm: what tables call all of them.
        policies: `policy.json` of each seed, in folders named by the seed.
        factory: the cell and the rules; the full voltage is held for policies that were trained so.

    Raises:
        AgentError: if a policy was trained for another cell, another control step or another end.
    """
    from batterymi.agents.policy import load_policy

    needed = {"cell": factory.cell, "soc_end": factory.terms.soc_end, "step_s": factory.terms.control_s}
    found: list[tuple[int, Controller]] = []
    for path in policies:
        policy = load_policy(path, needed)
        policy.name, policy.ceiling_v = algorithm, factory.voltage_v if policy.hold_voltage else None
        found.append((int(path.parent.name), policy))
    return found
