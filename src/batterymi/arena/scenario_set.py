"""Scenarios on which controllers are tuned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batterymi.arena.trial import run_trial
from batterymi.charging.charge_loop import Terms
from batterymi.charging.controller import Controller
from batterymi.charging.limits import KINDS, Limits
from batterymi.charging.plant import Simulator
from batterymi.charging.state import Start


@dataclass
class ScenarioSet:
    """Scenarios on which controllers are tried.

    Attributes:
        simulator: the model that planners may use.
        starts: validation scenarios; the last that ruled a controller out is tried first next time.
        limits: to keep, reserve included.
        terms: how charges are run.
        charges: how many were run.
    """

    simulator: Simulator
    starts: list[Start]
    limits: Limits
    terms: Terms
    charges: int = 0

    def mean_minutes(self, controller: Controller) -> float:
        """Return the mean minutes over the scenarios, as soon as one rules the controller out.

        Returns:
            Infinity if a charge keeps the limits and is not finished in time; NaN if one breaks a limit.
        """
        total = 0.0
        for place, start in enumerate(self.starts):
            row = self.try_start(controller, start)
            if row["failure"] or any(row[f"breaks_{kind}"] for kind in KINDS):
                self.starts.insert(0, self.starts.pop(place))
                return math.nan
            total += row["minutes"] if math.isfinite(row["minutes"]) else math.inf
        return total / len(self.starts)

    def try_start(self, controller: Controller, start: Start) -> dict[str, Any]:
        """Return the numbers of one charge."""
        self.charges += 1
        return run_trial(self.simulator, start, controller, self.limits, self.terms).row


def describe_scenarios(scenarios: Sequence[Start]) -> list[dict[str, float | None]]:
    """Return scenarios as plain data."""
    return [vars(scenario) for scenario in scenarios]
