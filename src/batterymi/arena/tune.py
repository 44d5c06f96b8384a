"""CC-CV tuned on validation scenarios: the fastest that keeps all limits on the model that planners may use."""

import logging
import math
from dataclasses import replace

from batterymi.arena.charge_case import ChargeCase
from batterymi.arena.scenario_set import ScenarioSet
from batterymi.charging.controllers import ConstantRate
from batterymi.charging.limits import Limits
from batterymi.config.arena_parts import Reserve
from batterymi.errors import BatteryMIError

logger = logging.getLogger(__name__)

RATE_PRECISION = 1.01
CEILING_PRECISION_V = 0.004
SLACK = 1.05  # the slowest constant current tried ends so much before the time limit
RATE_FACTORS = (1.25, 1.6, 2.0, 2.6, 3.5, 4.5)
PATIENCE = 2.0  # charges that take so many times the safe constant current's minutes are not candidates
DEEPEST_V = 0.5  # largest distance of the plating-limited voltage below the full one


def find_safe_constant(scenarios: ScenarioSet, case: ChargeCase, full_v: float) -> tuple[float | None, str]:
    """Find the fastest C-rate that is safe in all scenarios.

    Args:
        scenarios: to try it on, limits with their reserve.
        case: its nominal scenario has some safe current, or the limits cannot be met.
        full_v: full voltage of the cell.

    Returns:
        The C-rate, or None and the reason where none is safe in all scenarios.

    Raises:
        BatteryMIError: if in the nominal scenario not even the lowest constant current keeps the bare limits.
    """
    try:
        return find_fastest_constant(scenarios, full_v, case.label), ""
    except BatteryMIError as error:
        nominal = ScenarioSet(scenarios.simulator, [case.nominal], case.limits(full_v), scenarios.terms)
        find_fastest_constant(nominal, full_v, case.label)
        logger.info("left out, as no constant current keeps the limits: %s", error)
        return None, str(error)


def find_fastest_constant(scenarios: ScenarioSet, voltage_v: float, label: str) -> float:
    """Find the largest C-rate of a CC-CV charge that keeps all limits on every scenario.

    Args:
        scenarios: to try it on.
        voltage_v: full voltage of the cell.
        label: what a message calls the situation.

    Raises:
        BatteryMIError: if no C-rate keeps them; the message names what the lowest violates.
    """
    low, high = SLACK * scenarios.terms.soc_end / (scenarios.terms.time_limit_min / 60), scenarios.terms.c_rate_max
    if not math.isfinite(scenarios.mean_minutes(ConstantRate("", low, voltage_v))):
        raise BatteryMIError(f"{label}: limits: no protocol meets them; {_explain_failure(scenarios, low, voltage_v)}")
    if math.isfinite(scenarios.mean_minutes(ConstantRate("", high, voltage_v))):
        return high
    while high / low > RATE_PRECISION:
        # the geometric mean, since the precision is a ratio of C-rates
        middle = math.sqrt(low * high)
        if math.isfinite(scenarios.mean_minutes(ConstantRate("", middle, voltage_v))):
            low = middle
        else:
            high = middle
    return low


def _explain_failure(scenarios: ScenarioSet, rate: float, voltage_v: float) -> str:
    """Say what a constant current breaks on the scenario that ruled it out."""
    row = scenarios.try_start(ConstantRate("", rate, voltage_v), scenarios.starts[0])
    if not math.isfinite(row["minutes"]):
        return (
            f"{rate:.3g}C is at {100 * row['soc_end']:.0f} % after the {scenarios.terms.time_limit_min:g} min allowed"
        )
    limits = scenarios.limits
    return (
        f"even {rate:.3g}C has a plating margin of {row['plating_margin_mv']:.1f} mV (needed {limits.margin_mv:g} with "
        f"reserve), {row['temperature_max_c']:.1f} °C (allowed {row['temperature_limit_c']:g}) and "
        f"{row['voltage_max_v']:.3f} V (allowed {limits.voltage_v:g})"
    )


def find_plating_limited(scenarios: ScenarioSet, constant: float, voltage_v: float) -> tuple[float, float]:
    """Find C-rate and held voltage of the fastest CC-CV whose lower voltage keeps the margin on every scenario.

    A higher current needs a lower voltage; between the two lies the fastest. The C-rates tried are multiples of
    the safe constant one, and the search stops after two in a row that are not faster.

    Args:
        scenarios: to try it on.
        constant: the fastest safe constant C-rate, which holds the full voltage.
        voltage_v: full voltage of the cell.
    """
    best, choice = scenarios.mean_minutes(ConstantRate("", constant, voltage_v)), (constant, voltage_v)
    limit_min = min(PATIENCE * best, scenarios.terms.time_limit_min)
    scenarios = replace(scenarios, terms=replace(scenarios.terms, time_limit_min=limit_min))
    worse = 0
    ceiling = voltage_v
    for factor in RATE_FACTORS:
        rate = min(constant * factor, scenarios.terms.c_rate_max)
        found = _find_highest_ceiling(scenarios, rate, ceiling)
        if found is None:
            break
        ceiling, minutes = found
        worse = 0 if minutes < best else worse + 1
        if minutes < best:
            best, choice = minutes, (rate, ceiling)
        if worse == 2 or rate == scenarios.terms.c_rate_max:
            break
    logger.info("plating-limited: %.2fC to %.3f V, %.1f min over %d charges", *choice, best, scenarios.charges)
    return choice


def _find_highest_ceiling(scenarios: ScenarioSet, rate: float, top_v: float) -> tuple[float, float] | None:
    """Find the highest voltage up to `top_v` at which a C-rate keeps the limits, and its minutes; None without one."""
    low, high, minutes = top_v - DEEPEST_V, top_v, math.inf
    while high - low > CEILING_PRECISION_V:
        middle = 0.5 * (low + high)
        found = scenarios.mean_minutes(ConstantRate("", rate, middle))
        # a voltage too low to finish in time rules out lower ones
        low, high, minutes = (low, middle, minutes) if math.isnan(found) else (middle, high, found)
    return (low, minutes) if math.isfinite(minutes) else None


def keep_reserve(limits: Limits, reserve: Reserve, *, with_voltage: bool = True) -> Limits:
    """Return limits with the reserve; a charger that holds its voltage needs none there."""
    return limits.add_reserve(reserve.margin_mv, reserve.temperature_k, reserve.voltage_v if with_voltage else 0.0)
