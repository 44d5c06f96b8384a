"""The fastest safe charge that anything finds, and whether a wanted time is feasible."""

import logging
import math
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.charge_case import ChargeCase
from batterymi.arena.look_ahead import Oracle
from batterymi.arena.protocols import make_problem, optimise_protocol
from batterymi.arena.scenario_set import ScenarioSet
from batterymi.arena.trial import run_trial
from batterymi.arena.tune import find_fastest_constant
from batterymi.charging.controller import Controller
from batterymi.charging.controllers import BySoc, ConstantRate, make_equal_windows
from batterymi.charging.limits import KINDS, Limits
from batterymi.charging.plant import Simulator
from batterymi.config.slices.arena import MapSettings
from batterymi.errors import BatteryMIError
from batterymi.optimise.campaigns.campaign import select_best_designs

logger = logging.getLogger(__name__)

NUMBERS = ("minutes", "plating_margin_mv", "temperature_max_c", "voltage_max_v")
WORDS = {
    "plating": "the plating margin",
    "temperature": "the temperature",
    "voltage": "the voltage",
    "charger": "the largest current of the charger",
    "solver": "states that cannot be simulated",
}


def map_cell(settings: MapSettings) -> pd.DataFrame:
    """Search for the fastest safe charge of a fresh cell by three ways, all confirmed on the DFN.

    A constant current is bisected on the DFN itself. Protocols are optimised on the SPMe, and the best of them that the
    DFN confirms counts. Look-ahead queries the DFN at every step, so it knows what no charger knows: the map shows what
    the cell allows, not what a charger can find.

    Args:
        settings: the cell at each starting temperature, and budgets.

    Returns:
        One row per starting temperature.
    """
    cases = [ChargeCase(situation) for situation in settings.situations]
    fine, coarse = cases[0].build("DFN"), cases[0].build("SPMe")
    rows = []
    for case in cases:
        ways = {
            "constant current": _find_constant(case, fine),
            "optimised protocol": _find_protocol(case, fine, coarse, settings),
        }
        oracle = Oracle("oracle", case.limits(fine.voltage_max_v), case.terms.control_s, case.terms.c_rate_max)
        ways["look-ahead on the DFN"] = _try_nominal(case, fine, oracle)
        rows.append(_make_row(case, fine, ways, oracle.binds, settings.wanted_min))
        logger.info("%s: %s", case.label, rows[-1]["verdict"])
    return pd.DataFrame(rows)


def _find_constant(case: ChargeCase, fine: Simulator) -> dict[str, Any] | None:
    """Find the fastest safe CC-CV, bisected on the fine model."""
    limits = case.limits(fine.voltage_max_v)
    scenarios = ScenarioSet(fine, [case.nominal], limits, case.terms)
    try:
        rate = find_fastest_constant(scenarios, fine.voltage_max_v, case.label)
    except BatteryMIError:
        return None
    found = _try_nominal(case, fine, ConstantRate("", rate, fine.voltage_max_v))
    return None if found is None else found | {"c_rates": f"{rate:.3g}"}


def _find_protocol(
    case: ChargeCase, fine: Simulator, coarse: Simulator, settings: MapSettings
) -> dict[str, Any] | None:
    """Find the fastest of the coarse model's safe protocols that the fine model accepts."""
    scenarios = ScenarioSet(coarse, [case.nominal], case.limits(coarse.voltage_max_v), case.terms)
    _, history = optimise_protocol(scenarios, case.rules, settings.search, settings.seed)
    problem = make_problem(scenarios, case.rules, settings.search.steps)
    best = select_best_designs(problem, [history], settings.confirmed)
    # fastest first on the coarse model, so that the first one confirmed is the result
    for design in best[problem.space.names].to_numpy(float):
        # the campaign searches over binary logarithms of the C-rates
        rates = np.exp2(design)
        windows = make_equal_windows(rates, case.rules.soc_nominal, case.terms.soc_end)
        if (found := _try_nominal(case, fine, BySoc("", windows))) is not None:
            return found | {"c_rates": "-".join(f"{rate:.3g}" for rate in rates)}
    return None


def _try_nominal(case: ChargeCase, fine: Simulator, controller: Controller) -> dict[str, Any] | None:
    """Return the numbers of the nominal charge on the fine model; None where it is not finished within all limits."""
    row = run_trial(fine, case.nominal, controller, case.limits(fine.voltage_max_v), case.terms).row
    broken = any(row[f"breaks_{kind}"] for kind in KINDS)
    return None if broken or not np.isfinite(row["minutes"]) else {key: row[key] for key in NUMBERS}


def _make_row(
    case: ChargeCase, fine: Simulator, ways: dict[str, dict[str, Any] | None], binds: dict[str, int], wanted_min: float
) -> dict[str, Any]:
    """Return the fastest of all ways, whether the wanted time is feasible, and what limits it."""
    found = {name: way for name, way in ways.items() if way is not None}
    best = min(found, key=lambda name: float(found[name]["minutes"])) if found else ""
    # the columns have to be there even if no safe charge was found
    numbers = found.get(best, dict.fromkeys(NUMBERS, float("nan")))
    # the active limit changes from step to step, so the most frequent one is reported
    binding = max(binds, key=lambda kind: binds[kind]) if binds else ""
    feasible = bool(found) and numbers["minutes"] <= wanted_min
    at_wanted = _try_wanted(case, fine, wanted_min)
    return {
        "cell": case.situation.cell,
        "start": case.situation.condition,
        "ambient_c": case.situation.ambient_c,
        "initial_c": case.nominal.temperature_c,
        "way": best,
        **{key: numbers[key] for key in NUMBERS},
        "c_rates": numbers.get("c_rates", ""),
        **{f"minutes_{name.split()[0]}": float(way["minutes"]) if way else math.nan for name, way in ways.items()},
        "feasible": feasible,
        "binding": binding,
        **at_wanted,
        "verdict": explain_verdict(feasible, numbers["minutes"], best, wanted_min, binding, at_wanted),
    }


def _try_wanted(case: ChargeCase, fine: Simulator, wanted_min: float) -> dict[str, Any]:
    """Return what a constant current that takes the wanted time does to the cell."""
    session = fine.begin(case.nominal)
    rate = session.seconds_to(case.terms.soc_end, 1.0) / (60 * wanted_min)
    limits: Limits = case.limits(fine.voltage_max_v)
    windows = [(case.terms.soc_end, rate)]
    row = run_trial(fine, case.nominal, BySoc("", windows), limits, case.terms).row
    broken = [kind for kind in KINDS if row[f"breaks_{kind}"]]
    return {
        "wanted_c_rate": rate,
        "wanted_margin_mv": row["plating_margin_mv"],
        "wanted_temperature_c": row["temperature_max_c"],
        "wanted_voltage_v": row["voltage_max_v"],
        # a charge may fail before it violates any limit
        "wanted_breaks": " ".join(broken) or row["failure"],
    }


def explain_verdict(
    feasible: bool, minutes: float, way: str, wanted_min: float, binding: str, at_wanted: dict[str, Any]
) -> str:
    """Say in words whether the wanted time is feasible."""
    if feasible:
        return f"{wanted_min:g} min are feasible: {minutes:.1f} min by {way}"
    rate = f"a constant {at_wanted['wanted_c_rate']:.2f}C"
    numbers = (
        f"at {rate} the margin is {at_wanted['wanted_margin_mv']:.0f} mV, the cell reaches "
        f"{at_wanted['wanted_temperature_c']:.0f} °C and {at_wanted['wanted_voltage_v']:.2f} V"
        if np.isfinite(at_wanted["wanted_margin_mv"])
        else f"{rate} cannot be simulated to its end ({at_wanted['wanted_breaks']})"
    )
    fastest = f"the fastest safe charge found takes {minutes:.1f} min ({way})" if way else "no safe charge was found"
    limit = WORDS.get(binding, "nothing found")
    return f"{wanted_min:g} min are not feasible: {fastest}, and {limit} binds; {numbers}"
