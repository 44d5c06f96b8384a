"""Controllers with a constant current, tuned on validation scenarios."""

from pathlib import Path

from batterymi.arena.charge_case import ChargeCase, Stopwatch
from batterymi.arena.scenario_set import ScenarioSet, describe_scenarios
from batterymi.arena.tune import find_plating_limited, find_safe_constant, keep_reserve
from batterymi.config.slices.arena import TuningSettings
from batterymi.files import write_json


def tune_controllers(tuned: Path, settings: TuningSettings) -> None:
    """Find the fastest safe constant current and the plating-limited charge on the planners' model.

    Args:
        tuned: JSON to write: C-rate, voltage and CPU seconds of each.
        settings: cell, temperature and reserve; the first four validation scenarios are the corners of the ranges.

    Raises:
        BatteryMIError: if in the nominal scenario not even the lowest constant current keeps the plain limits.
    """
    case, stopwatch = ChargeCase(settings.situation), Stopwatch()
    simulator = case.build("SPMe")
    full_v = simulator.voltage_max_v
    limits = keep_reserve(case.limits(full_v), settings.reserve, with_voltage=False)
    starts = case.draw_validation(settings.validation, settings.seed)
    scenarios = ScenarioSet(simulator, starts, limits, case.terms)
    constant, reason = find_safe_constant(scenarios, case, full_v)
    constant_cpu_s = stopwatch.measure_lap()
    rate, voltage_v = (None, None) if constant is None else find_plating_limited(scenarios, constant, full_v)
    write_json(
        tuned,
        {
            "cc_cv_safe": {"c_rate": constant, "voltage_v": full_v, "cpu_s": constant_cpu_s},
            # its search starts from the safe constant current, whose cost therefore counts too
            "plating_limited": {
                "c_rate": rate,
                "voltage_v": voltage_v,
                "cpu_s": constant_cpu_s + stopwatch.measure_lap(),
            },
            "reason": reason,
            "charges": scenarios.charges,
            "scenarios": describe_scenarios(scenarios.starts),
        },
    )
