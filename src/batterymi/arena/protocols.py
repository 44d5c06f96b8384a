"""Four-step protocols by Bayesian optimisation, with the engine of the campaigns."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.tune import Bench
from batterymi.charging.charge_loop import run_charge
from batterymi.charging.controllers import BySoc, equal_windows
from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.campaign import best_designs, run_campaign
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.score import declared_limits
from batterymi.optimise.space.space import Space

logger = logging.getLogger(__name__)

CONSTANTS = (0.3, 0.6, 1.0, 1.6, 2.5)
SCALES = {"minutes": 1.0, "plating_margin_mv": 10.0, "temperature_max_c": 2.0, "voltage_max_v": 0.02}


class ProtocolEvaluator:
    """Charges every scenario of a bench by a protocol: mean minutes, and the worst of all else."""

    is_cheap = False
    kind = "simulated"

    def __init__(self, bench: Bench, soc_start: float) -> None:
        """Take the scenarios.

        Args:
            bench: model, scenarios and limits.
            soc_start: where the first step begins; a charge from below begins with its current.
        """
        self._bench, self._soc_start = bench, soc_start

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Answer designs; columns are binary logarithms of C-rates, in order."""
        rows = [self._answer(np.exp2(row)) for row in designs.to_numpy(float)]
        return pd.DataFrame(rows, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        """None: the simulator states no uncertainty."""
        return

    def references(self) -> None:
        """None."""
        return

    def _answer(self, rates: Sequence[float]) -> dict[str, Any]:
        """Mean minutes and worst extremes over the scenarios; the first charge that is not finished ends it."""
        windows = equal_windows(rates, self._soc_start, self._bench.terms.soc_end)
        rows = []
        for start in self._bench.scenarios:
            self._bench.charges += 1
            bench = self._bench
            row = run_charge(bench.simulator, start, BySoc("", windows), bench.limits, bench.terms).row
            if not np.isfinite(row["minutes"]):
                return dict.fromkeys(SCALES, float("nan")) | {"failure": row["failure"] or "too slow"}
            rows.append(row)
        frame = pd.DataFrame(rows)
        return {
            "minutes": frame["minutes"].mean(),
            "plating_margin_mv": frame["plating_margin_mv"].min(),
            "temperature_max_c": frame["temperature_max_c"].max(),
            "voltage_max_v": frame["voltage_max_v"].max(),
            "failure": "",
        }


def optimise_protocol(
    bench: Bench,
    *,
    steps: int,
    soc_start: float,
    rates: tuple[float, float],
    budget: int,
    initial: int,
    seed: int,
) -> tuple[tuple[float, ...] | None, pd.DataFrame]:
    """The fastest protocol of equal steps of state of charge that keeps all limits on every scenario of a bench.

    The campaign starts from constant currents and random designs.

    Args:
        bench: model, scenarios, and limits with their reserve; all scenarios start equally warm.
        steps: of the protocol.
        soc_start: state of charge where the first step begins.
        rates: smallest and largest C-rate.
        budget: evaluations, the start included.
        initial: random designs of the start.
        seed: of every choice.

    Returns:
        C-rates, or None where no design met the limits; and the campaign's history.
    """
    problem = make_problem(bench, steps, soc_start, rates)
    low, high = np.log2(rates[0]), np.log2(rates[1])
    constants = np.clip(np.log2(CONSTANTS)[:, None], low, high) * np.ones((1, steps))
    drawn = problem.space.sample(np.random.default_rng([seed, 1]), initial)
    start = pd.concat([pd.DataFrame(constants, columns=problem.space.names), drawn], ignore_index=True)
    history = run_campaign(problem, "gaussian_process", problem.evaluate(start.iloc[:budget]), budget, seed)
    best = best_designs(problem, [history], 1)
    logger.info("%d protocols tried, %d within all limits", len(history), int(history["feasible"].sum()))
    if best.empty:
        return None, history
    return tuple(float(rate) for rate in np.exp2(best[problem.space.names].to_numpy(float)[0])), history


def make_problem(bench: Bench, steps: int, soc_start: float, rates: tuple[float, float]) -> Problem:
    """What the campaign seeks: least minutes within the limits of the bench."""
    bounds = (float(np.log2(rates[0])), float(np.log2(rates[1])))
    features = tuple(
        Feature(name=f"log2_rate_{number}", label=f"log2 of C-rate {number}", unit="1", bounds=bounds)
        for number in range(1, steps + 1)
    )
    limits = bench.limits.at(bench.scenarios[0])
    objectives = (
        _objective("minutes", "min", goal="minimise"),
        _objective("plating_margin_mv", "mV", goal="limit", at_least=limits.margin_mv),
        _objective("temperature_max_c", "°C", goal="limit", at_most=limits.temperature_c),
        _objective("voltage_max_v", "V", goal="limit", at_most=limits.voltage_v),
    )
    evaluator = ProtocolEvaluator(bench, soc_start)
    return Problem(Space(features), objectives, declared_limits(objectives), evaluator=evaluator)


def _objective(name: str, unit: str, **more: Any) -> Objective:
    """An objective in its scale."""
    return Objective(name=name, label=name, unit=unit, scale=SCALES[name], **more)
