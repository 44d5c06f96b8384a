"""The stage `map_feasibility`: the fastest safe charge that anything found, for a cell at each temperature."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.look_ahead import Oracle
from batterymi.arena.protocols import make_problem, optimise_protocol
from batterymi.arena.situation import Situation
from batterymi.arena.tune import Bench, fastest_constant
from batterymi.charging.charge_loop import Simulator, run_charge
from batterymi.charging.charger import Charger
from batterymi.charging.controllers import BySoc, ConstantRate, equal_windows
from batterymi.charging.limits import KINDS, Limits
from batterymi.errors import BatteryMIError
from batterymi.files import write_csv
from batterymi.optimise.campaigns.campaign import best_designs

logger = logging.getLogger(__name__)

NUMBERS = ("minutes", "plating_margin_mv", "temperature_max_c", "voltage_max_v")
WORDS = {
    "plating": "the plating margin",
    "temperature": "the temperature",
    "voltage": "the voltage",
    "charger": "the largest current of the charger",
    "solver": "states that cannot be simulated",
}


def map_feasibility(
    map_path: str, *, situations: list[dict[str, Any]], search: dict[str, Any], wanted_min: float, seed: int
) -> None:
    """Look for the fastest safe charge of a fresh cell by three ways, all confirmed on the DFN.

    A constant current is bisected on the DFN itself. Protocols are optimised on the SPMe, and the best of them that the
    DFN accepts counts. Look-ahead asks the DFN at every step, so it knows what no charger knows: the map asks what the
    cell allows, not what a charger can find.

    Args:
        map_path: CSV to write: one row per starting temperature.
        situations: the cell at each starting temperature.
        search: `steps`, `budget` and `initial` of the campaign, and how many protocols may be `confirmed`.
        wanted_min: the charging time whose feasibility is asked.
        seed: of the campaign.
    """
    places = [Situation(**one) for one in situations]
    fine, coarse = places[0].build("DFN"), places[0].build("SPMe")
    rows = []
    for place in places:
        ways = {
            "constant current": _constant(place, fine),
            "optimised protocol": _protocol(place, fine, coarse, search, seed),
        }
        oracle = Oracle("oracle", place.limits(fine.voltage_max_v), place.terms.control_s, place.terms.c_rate_max)
        ways["look-ahead on the DFN"] = _safe(place, fine, oracle)
        rows.append(_row(place, fine, ways, oracle.binds, wanted_min))
        logger.info("%s: %s", place.where, rows[-1]["verdict"])
    write_csv(map_path, pd.DataFrame(rows))


def _constant(place: Situation, fine: Simulator) -> dict[str, Any] | None:
    """The fastest safe CC-CV, bisected on the fine model."""
    limits = place.limits(fine.voltage_max_v)
    bench = Bench(fine, [place.nominal], limits, place.terms)
    try:
        rate = fastest_constant(bench, fine.voltage_max_v, place.where)
    except BatteryMIError:
        return None
    found = _safe(place, fine, ConstantRate("", rate, fine.voltage_max_v))
    return None if found is None else found | {"c_rates": f"{rate:.3g}"}


def _protocol(
    place: Situation, fine: Simulator, coarse: Simulator, search: dict[str, Any], seed: int
) -> dict[str, Any] | None:
    """The fastest of the coarse model's safe protocols that the fine model accepts."""
    bench = Bench(coarse, [place.nominal], place.limits(coarse.voltage_max_v), place.terms)
    soc_start, ends = place.rules["soc_nominal"], tuple(place.rules["c_rates"])
    settings = {key: search[key] for key in ("steps", "budget", "initial")}
    _, history = optimise_protocol(bench, soc_start=soc_start, rates=ends, seed=seed, **settings)
    problem = make_problem(bench, search["steps"], soc_start, ends)
    best = best_designs(problem, [history], search["confirmed"])
    for design in best[problem.space.names].to_numpy(float):
        rates = np.exp2(design)
        windows = equal_windows(rates, soc_start, place.terms.soc_end)
        if (found := _safe(place, fine, BySoc("", windows))) is not None:
            return found | {"c_rates": "-".join(f"{rate:.3g}" for rate in rates)}
    return None


def _safe(place: Situation, fine: Simulator, charger: Charger) -> dict[str, Any] | None:
    """Numbers of the nominal charge on the fine model, or None where it is not finished within all limits."""
    row = run_charge(fine, place.nominal, charger, place.limits(fine.voltage_max_v), place.terms).row
    broken = any(row[f"breaks_{kind}"] for kind in KINDS)
    return None if broken or not np.isfinite(row["minutes"]) else {key: row[key] for key in NUMBERS}


def _row(
    place: Situation,
    fine: Simulator,
    ways: dict[str, dict[str, Any] | None],
    binds: dict[str, int],
    wanted_min: float,
) -> dict[str, Any]:
    """The fastest of all ways, whether the wanted time is feasible, and what stands in its way."""
    found = {name: way for name, way in ways.items() if way is not None}
    best = min(found, key=lambda name: float(found[name]["minutes"])) if found else ""
    numbers = found.get(best, dict.fromkeys(NUMBERS, float("nan")))
    binding = max(binds, key=lambda kind: binds[kind]) if binds else ""
    feasible = bool(found) and numbers["minutes"] <= wanted_min
    at_wanted = _at_wanted(place, fine, wanted_min)
    return {
        "cell": place.cell,
        "start": place.condition,
        "ambient_c": place.ambient_c,
        "initial_c": place.nominal.temperature_c,
        "way": best,
        **{key: numbers[key] for key in NUMBERS},
        "c_rates": numbers.get("c_rates", ""),
        **{f"minutes_{name.split()[0]}": _minutes(way) for name, way in ways.items()},
        "feasible": feasible,
        "binding": binding,
        **at_wanted,
        "verdict": tell(feasible, numbers["minutes"], best, wanted_min, binding, at_wanted),
    }


def _minutes(way: dict[str, Any] | None) -> float:
    """Minutes of a way, not-a-number if it found nothing."""
    return float("nan") if way is None else float(way["minutes"])


def _at_wanted(place: Situation, fine: Simulator, wanted_min: float) -> dict[str, Any]:
    """What a constant current that takes the wanted time does to the cell."""
    session = fine.begin(place.nominal)
    rate = session.seconds_to(place.terms.soc_end, 1.0) / (60 * wanted_min)
    limits: Limits = place.limits(fine.voltage_max_v)
    windows = [(place.terms.soc_end, rate)]
    row = run_charge(fine, place.nominal, BySoc("", windows), limits, place.terms).row
    broken = [kind for kind in KINDS if row[f"breaks_{kind}"]]
    return {
        "wanted_c_rate": rate,
        "wanted_margin_mv": row["plating_margin_mv"],
        "wanted_temperature_c": row["temperature_max_c"],
        "wanted_voltage_v": row["voltage_max_v"],
        "wanted_breaks": " ".join(broken) or row["failure"],
    }


def tell(feasible: bool, minutes: float, way: str, wanted_min: float, binding: str, at_wanted: dict[str, Any]) -> str:
    """Feasible or not, in words."""
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
