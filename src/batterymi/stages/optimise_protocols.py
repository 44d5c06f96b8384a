"""Protocols by Bayesian optimisation, for the nominal scenario and for all validation scenarios."""

from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.arena.charge_case import ChargeCase, Stopwatch
from batterymi.arena.protocols import optimise_protocol
from batterymi.arena.scenario_set import ScenarioSet
from batterymi.arena.tune import keep_reserve
from batterymi.config.slices.arena import ProtocolSettings
from batterymi.files import write_csv, write_json


def optimise_protocols(protocols: Path, history: Path, settings: ProtocolSettings) -> None:
    """Optimise a protocol for the nominal scenario, and one that keeps the limits on all validation scenarios.

    Args:
        protocols: JSON to write: C-rates (null where none met the limits), their minutes and CPU seconds.
        history: CSV to write: both campaigns.
        settings: cell, temperature, reserve and budget.
    """
    case = ChargeCase(settings.situation)
    simulator = case.build("SPMe")
    limits = keep_reserve(case.limits(simulator.voltage_max_v), settings.reserve)
    validation = case.draw_validation(settings.validation, settings.seed)
    found: dict[str, Any] = {}
    parts = []
    for name, starts in (("protocol_nominal", [case.nominal]), ("protocol_robust", validation)):
        stopwatch = Stopwatch()
        scenarios = ScenarioSet(simulator, starts, limits, case.terms)
        rates, tried = optimise_protocol(scenarios, case.rules, settings.search, settings.seed)
        found[name] = {"c_rates": rates, "charges": scenarios.charges, "cpu_s": stopwatch.measure_lap()}
        parts.append(tried.assign(protocol=name))
    write_csv(history, pd.concat(parts, ignore_index=True).drop(columns="engine"))
    write_json(protocols, found)
