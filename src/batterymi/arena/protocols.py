"""Four-step protocols by Bayesian optimisation, with the engine of the campaigns."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.scenario_set import ScenarioSet
from batterymi.charging.controllers import BySoc, make_equal_windows
from batterymi.config.arena_parts import ChargeRules, Search
from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.campaign import run_engine, select_best_designs
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.score import get_declared_limits
from batterymi.optimise.space.space import Space

logger = logging.getLogger(__name__)

CONSTANTS = (0.3, 0.6, 1.0, 1.6, 2.5)
SCALES = {"minutes": 1.0, "plating_margin_mv": 10.0, "temperature_max_c": 2.0, "voltage_max_v": 0.02}


class ProtocolEvaluator:
    """Charge every scenario of a set by a protocol: mean minutes, and the worst value of each limited quantity."""

    is_cheap = False
    kind = "simulated"

    def __init__(self, scenarios: ScenarioSet, soc_start: float) -> None:
        """Store the scenarios.

        Args:
            scenarios: with model and limits.
            soc_start: where the first step begins; a charge from below begins with its current.
        """
        self._scenarios, self._soc_start = scenarios, soc_start

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Evaluate designs; the columns are binary logarithms of C-rates, in order."""
        # on a logarithmic scale equal distances are equal ratios of currents
        rows = [self._summarise_scenarios(np.exp2(row)) for row in designs.to_numpy(float)]
        return pd.DataFrame(rows, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        """Return None, since the simulator gives no uncertainty."""
        return

    def references(self) -> None:
        """Return None, since there are no reference designs."""
        return

    def _summarise_scenarios(self, rates: Sequence[float]) -> dict[str, Any]:
        """Return mean minutes and worst extremes over the scenarios, up to the first unfinished charge."""
        windows = make_equal_windows(rates, self._soc_start, self._scenarios.terms.soc_end)
        rows = []
        for start in self._scenarios.starts:
            row = self._scenarios.try_start(BySoc("", windows), start)
            # no further scenario can make the protocol feasible, so the others need no charge
            if not np.isfinite(row["minutes"]):
                return dict.fromkeys(SCALES, float("nan")) | {"failure": row["failure"] or "too slow"}
            rows.append(row)
        frame = pd.DataFrame(rows)
        return {
            "minutes": frame["minutes"].mean(),
            # an open-loop protocol must keep its limits in every scenario, so the worst one counts
            "plating_margin_mv": frame["plating_margin_mv"].min(),
            "temperature_max_c": frame["temperature_max_c"].max(),
            "voltage_max_v": frame["voltage_max_v"].max(),
            "failure": "",
        }


def optimise_protocol(
    scenarios: ScenarioSet, rules: ChargeRules, search: Search, seed: int
) -> tuple[tuple[float, ...] | None, pd.DataFrame]:
    """Find the fastest protocol of equal steps of state of charge that keeps all limits on every scenario.

    The campaign starts from constant currents and random designs.

    Args:
        scenarios: with model, and limits with their reserve; all scenarios start equally warm.
        rules: smallest and largest C-rate, and the state of charge where the first step begins.
        search: steps of the protocol, evaluations with those of the start, and random designs of the start.
        seed: of every choice.

    Returns:
        C-rates, or None where no design met the limits; and the campaign's history.
    """
    problem = make_problem(scenarios, rules, search.steps)
    low, high = np.log2(rules.c_rates[0]), np.log2(rules.c_rates[1])
    constants = np.clip(np.log2(CONSTANTS)[:, None], low, high) * np.ones((1, search.steps))
    drawn = problem.space.sample(np.random.default_rng([seed, 1]), search.initial)
    start = pd.concat([pd.DataFrame(constants, columns=problem.space.names), drawn], ignore_index=True)
    first = problem.evaluate(start.iloc[: search.budget])
    history = run_engine(problem, "gaussian_process", first, search.budget, seed)
    best = select_best_designs(problem, [history], 1)
    logger.info("%d protocols tried, %d within all limits", len(history), int(history["feasible"].sum()))
    if best.empty:
        return None, history
    return tuple(float(rate) for rate in np.exp2(best[problem.space.names].to_numpy(float)[0])), history


def make_problem(scenarios: ScenarioSet, rules: ChargeRules, steps: int) -> Problem:
    """Return the campaign's problem: least minutes within the limits of all scenarios.

    Args:
        scenarios: with model and limits.
        rules: smallest and largest C-rate, and the state of charge where the first step begins.
        steps: of the protocol.
    """
    bounds = (float(np.log2(rules.c_rates[0])), float(np.log2(rules.c_rates[1])))
    features = tuple(
        Feature(name=f"log2_rate_{number}", label=f"log2 of C-rate {number}", unit="1", bounds=bounds)
        for number in range(1, steps + 1)
    )
    limits = scenarios.limits.at(scenarios.starts[0])
    objectives = (
        _make_objective("minutes", "min", goal="minimise"),
        _make_objective("plating_margin_mv", "mV", goal="limit", at_least=limits.margin_mv),
        _make_objective("temperature_max_c", "°C", goal="limit", at_most=limits.temperature_c),
        _make_objective("voltage_max_v", "V", goal="limit", at_most=limits.voltage_v),
    )
    evaluator = ProtocolEvaluator(scenarios, rules.soc_nominal)
    return Problem(Space(features), objectives, get_declared_limits(objectives), evaluator=evaluator)


def _make_objective(name: str, unit: str, **more: Any) -> Objective:
    """Return an objective in its scale."""
    return Objective(name=name, label=name, unit=unit, scale=SCALES[name], **more)
