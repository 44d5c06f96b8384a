"""CC-CV tuned on validation scenarios: the fastest that keeps all limits on the model that planners may use."""

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from batterymi.charging.charge_loop import Simulator, Terms, run_charge
from batterymi.charging.charger import Charger
from batterymi.charging.controllers import ConstantRate
from batterymi.charging.limits import KINDS, Limits
from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Start
from batterymi.errors import BatteryMIError

logger = logging.getLogger(__name__)

RATE_PRECISION = 1.01
CEILING_PRECISION_V = 0.004
SLACK = 1.05  # the slowest constant current tried ends so much before the time limit
RATE_FACTORS = (1.25, 1.6, 2.0, 2.6, 3.5, 4.5)
PATIENCE = 2.0  # charges that take so many times the safe constant current's minutes are no candidates
DEEPEST_V = 0.5  # how far below full the plating-limited voltage is sought


def corner_scenarios(soc: tuple[float, float], lithium_lost: tuple[float, float], like: Start) -> list[Start]:
    """The four extremes of state of charge and age; the ranges are known to whoever tunes, the held-out draws are not.

    Args:
        soc: range of the state of charge.
        lithium_lost: range of the share of lithium lost.
        like: gives the temperatures.
    """
    return [Start(one, like.ambient_c, like.initial_c, lost) for one, lost in itertools.product(soc, lithium_lost)]


def validation_scenarios(
    n: int, seed: int, soc: tuple[float, float], lithium_lost: tuple[float, float], like: Start
) -> list[Start]:
    """The corners of the ranges, and draws within them that are not the held-out ones."""
    drawn = draw_scenarios(
        max(n - 4, 0),
        seed,
        "validation",
        soc=soc,
        ambient_c=(like.ambient_c, like.ambient_c),
        lithium_lost=lithium_lost,
        preheated_c=like.initial_c,
    )
    return (corner_scenarios(soc, lithium_lost, like) + drawn)[: max(n, 1)]


@dataclass
class Bench:
    """Tries chargers on scenarios.

    Attributes:
        simulator: the model that planners may use.
        scenarios: validation scenarios; the last that refused a charger is tried first next time.
        limits: to keep, reserve included.
        terms: how charges are run.
        charges: how many were run.
    """

    simulator: Simulator
    scenarios: list[Start]
    limits: Limits
    terms: Terms
    charges: int = 0

    def minutes(self, charger: Charger) -> float:
        """Mean minutes over the scenarios, told as soon as one refuses the charger.

        Returns:
            Infinity if a charge keeps the limits and is not finished in time; not-a-number if one breaks a limit.
        """
        total = 0.0
        for place, start in enumerate(self.scenarios):
            row = self.try_one(charger, start)
            if row["failure"] or any(row[f"breaks_{kind}"] for kind in KINDS):
                self.scenarios.insert(0, self.scenarios.pop(place))
                return math.nan
            total += row["minutes"] if math.isfinite(row["minutes"]) else math.inf
        return total / len(self.scenarios)

    def try_one(self, charger: Charger, start: Start) -> dict[str, Any]:
        """Numbers of one charge."""
        self.charges += 1
        return run_charge(self.simulator, start, charger, self.limits, self.terms).row


def fastest_constant(bench: Bench, voltage_v: float, where: str) -> float:
    """The largest C-rate of a CC-CV charge that keeps all limits on every scenario.

    Args:
        bench: tries it.
        voltage_v: full voltage of the cell.
        where: what a message calls the situation.

    Raises:
        BatteryMIError: if no C-rate keeps them; the message tells what the lowest breaks.
    """
    low, high = SLACK * bench.terms.soc_end / (bench.terms.time_limit_min / 60), bench.terms.c_rate_max
    if not math.isfinite(bench.minutes(ConstantRate("", low, voltage_v))):
        raise BatteryMIError(f"{where}: limits: no protocol meets them; {_why_not(bench, low, voltage_v)}")
    if math.isfinite(bench.minutes(ConstantRate("", high, voltage_v))):
        return high
    while high / low > RATE_PRECISION:
        middle = math.sqrt(low * high)
        if math.isfinite(bench.minutes(ConstantRate("", middle, voltage_v))):
            low = middle
        else:
            high = middle
    return low


def _why_not(bench: Bench, rate: float, voltage_v: float) -> str:
    """What a constant current breaks on the scenario that refused it."""
    row = bench.try_one(ConstantRate("", rate, voltage_v), bench.scenarios[0])
    if not math.isfinite(row["minutes"]):
        return f"{rate:.3g}C is at {100 * row['soc_end']:.0f} % after the {bench.terms.time_limit_min:g} min allowed"
    limits = bench.limits
    return (
        f"even {rate:.3g}C has a plating margin of {row['plating_margin_mv']:.1f} mV (asked {limits.margin_mv:g} with "
        f"reserve), {row['temperature_max_c']:.1f} °C (allowed {row['temperature_limit_c']:g}) and "
        f"{row['voltage_max_v']:.3f} V (allowed {limits.voltage_v:g})"
    )


def plating_limited(bench: Bench, constant: float, voltage_v: float) -> tuple[float, float]:
    """C-rate and held voltage of the fastest CC-CV whose lower voltage keeps the margin on every scenario.

    A higher current needs a lower voltage; between the two lies the fastest. The C-rates tried are multiples of the
    safe constant one, and the search stops at the second in a row that is not faster.

    Args:
        bench: tries it.
        constant: the fastest safe constant C-rate, which holds the full voltage.
        voltage_v: full voltage of the cell.
    """
    best, choice = bench.minutes(ConstantRate("", constant, voltage_v)), (constant, voltage_v)
    bench = replace(bench, terms=replace(bench.terms, time_limit_min=min(PATIENCE * best, bench.terms.time_limit_min)))
    worse = 0
    ceiling = voltage_v
    for factor in RATE_FACTORS:
        rate = min(constant * factor, bench.terms.c_rate_max)
        found = _highest_ceiling(bench, rate, ceiling)
        if found is None:
            break
        ceiling, minutes = found
        worse = 0 if minutes < best else worse + 1
        if minutes < best:
            best, choice = minutes, (rate, ceiling)
        if worse == 2 or rate == bench.terms.c_rate_max:
            break
    logger.info("plating-limited: %.2fC to %.3f V, %.1f min over %d charges", *choice, best, bench.charges)
    return choice


def _highest_ceiling(bench: Bench, rate: float, top_v: float) -> tuple[float, float] | None:
    """The highest voltage up to `top_v` at which a C-rate keeps the limits, with its minutes; None if there is none."""
    low, high, minutes = top_v - DEEPEST_V, top_v, math.inf
    while high - low > CEILING_PRECISION_V:
        middle = 0.5 * (low + high)
        found = bench.minutes(ConstantRate("", rate, middle))
        # a voltage too low to finish in time is no reason to go lower
        low, high, minutes = (low, middle, minutes) if math.isnan(found) else (middle, high, found)
    return (low, minutes) if math.isfinite(minutes) else None


def describe_scenarios(scenarios: Sequence[Start]) -> list[dict[str, float | None]]:
    """Scenarios as plain data."""
    return [vars(one) for one in scenarios]
