"""The stages `tune_controllers` and `optimise_protocols`: what is set on validation scenarios."""

import logging
from typing import Any

from batterymi.arena.protocols import optimise_protocol
from batterymi.arena.situation import Situation, Stopwatch
from batterymi.arena.tune import Bench, describe_scenarios, fastest_constant, plating_limited
from batterymi.charging.limits import Limits
from batterymi.errors import BatteryMIError
from batterymi.files import write_csv, write_json

logger = logging.getLogger(__name__)


def tune_controllers(
    tuned_path: str, *, situation: dict[str, Any], reserve: dict[str, float], n_scenarios: int, seed: int
) -> None:
    """Find the fastest safe constant current and the plating-limited charge on the planners' model.

    Args:
        tuned_path: JSON to write: C-rate, voltage and CPU seconds of each.
        situation: cell, temperature and rules.
        reserve: `margin_mv`, `temperature_k` and `voltage_v` kept to the limits.
        n_scenarios: validation scenarios; the first four are the corners of the ranges.
        seed: of the draw.

    Raises:
        BatteryMIError: if in the nominal scenario not even the lowest constant current keeps the bare limits.
    """
    place, watch = Situation(**situation), Stopwatch()
    simulator = place.build("SPMe")
    full_v = simulator.voltage_max_v
    limits = _reserved(place.limits(full_v), reserve, with_voltage=False)
    bench = Bench(simulator, place.validation(n_scenarios, seed), limits, place.terms)
    constant, reason = _safe_constant(bench, place, full_v)
    constant_cpu_s = watch.lap()
    rate, voltage_v = (None, None) if constant is None else plating_limited(bench, constant, full_v)
    write_json(
        tuned_path,
        {
            "cc_cv_safe": {"c_rate": constant, "voltage_v": full_v, "cpu_s": constant_cpu_s},
            "plating_limited": {"c_rate": rate, "voltage_v": voltage_v, "cpu_s": constant_cpu_s + watch.lap()},
            "reason": reason,
            "charges": bench.charges,
            "scenarios": describe_scenarios(bench.scenarios),
        },
    )


def _safe_constant(bench: Bench, place: Situation, full_v: float) -> tuple[float | None, str]:
    """The fastest safe C-rate; None, and why, where none is safe in all scenarios, though the nominal one has some."""
    try:
        return fastest_constant(bench, full_v, place.where), ""
    except BatteryMIError as error:
        nominal = Bench(bench.simulator, [place.nominal], place.limits(full_v), bench.terms)
        fastest_constant(nominal, full_v, place.where)
        logger.info("no constant current takes part: %s", error)
        return None, str(error)


def optimise_protocols(
    protocols_path: str,
    history_path: str,
    *,
    situation: dict[str, Any],
    reserve: dict[str, float],
    search: dict[str, Any],
    n_scenarios: int,
    seed: int,
) -> None:
    """Optimise a protocol for the nominal scenario, and one that holds on all validation scenarios.

    Args:
        protocols_path: JSON to write: C-rates (null where none met the limits), their minutes and CPU seconds.
        history_path: CSV to write: both campaigns.
        situation: cell, temperature and rules.
        reserve: `margin_mv`, `temperature_k` and `voltage_v` kept to the limits.
        search: `steps`, `budget` and `initial` of a campaign.
        n_scenarios: validation scenarios of the robust one.
        seed: of every choice.
    """
    import pandas as pd

    place = Situation(**situation)
    simulator = place.build("SPMe")
    limits = _reserved(place.limits(simulator.voltage_max_v), reserve)
    kinds = {"protocol_nominal": [place.nominal], "protocol_robust": place.validation(n_scenarios, seed)}
    found: dict[str, Any] = {}
    histories = []
    for name, scenarios in kinds.items():
        watch = Stopwatch()
        bench = Bench(simulator, scenarios, limits, place.terms)
        rates, history = optimise_protocol(
            bench, soc_start=place.rules["soc_nominal"], rates=place.rules["c_rates"], seed=seed, **search
        )
        found[name] = {"c_rates": rates, "charges": bench.charges, "cpu_s": watch.lap()}
        histories.append(history.assign(protocol=name))
    write_csv(history_path, pd.concat(histories, ignore_index=True).drop(columns="engine"))
    write_json(protocols_path, found)


def _reserved(limits: Limits, reserve: dict[str, float], *, with_voltage: bool = True) -> Limits:
    """Limits with the reserve; a charger that holds its voltage needs none there."""
    volts = reserve["voltage_v"] if with_voltage else 0.0
    return limits.with_reserve(reserve["margin_mv"], reserve["temperature_k"], volts)
