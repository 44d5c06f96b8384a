"""The charging simulator against PyBaMM's own experiment, and against itself."""

from collections.abc import Iterator

import numpy as np
import pytest

from batterymi.charging.cells import CELLS, find_cell
from batterymi.charging.controllers import CHAPTER_PHASES
from batterymi.charging.outcome import ChargeResult
from batterymi.charging.parallel import simulate_protocols
from batterymi.charging.protocols import CCCV, FourStep, Phases, Protocol, Timed
from batterymi.charging.simulator import MESH, OPTIONS, ChargeSetup, ChargingSimulator
from batterymi.charging.state import Start

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("charging")]
STEPS = FourStep((2.0, 1.5, 1.0, 0.8))
NUMBERS = (
    "time_to_80_min",
    "soc_end",
    "plating_margin_mv",
    "temperature_max_c",
    "voltage_max_v",
    "capacity_lost_mah",
    "plated_mah",
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[ChargingSimulator]:
    return ChargingSimulator()


def numbers(result: ChargeResult) -> list[float]:
    return [getattr(result, name) for name in NUMBERS]


def test_a_charge_agrees_with_pybamms_own_experiment(simulator: ChargingSimulator) -> None:
    import pybamm

    # the state of charge goes by the nominal capacity, PyBaMM's by what the electrodes hold
    held = simulator._model.electrodes.fresh.capacity_ah
    parameters = find_cell("power_cell").make_parameters(0.1 * simulator.capacity_ah / held, 25.0)
    parameters.update({"Current function [A]": 0.0})
    steps = [pybamm.step.c_rate(-rate, duration=3600 * 0.175 / rate, period=5) for rate in STEPS.c_rates]
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPMe(OPTIONS),
        parameter_values=parameters,
        experiment=pybamm.Experiment([tuple(steps)]),
        solver=pybamm.IDAKLUSolver(rtol=1e-6, atol=1e-8),
        var_pts=MESH,
    )
    solution = simulation.solve()
    anode = solution["Negative electrode surface potential difference [V]"].entries.min(axis=0)
    separator = solution["Negative electrode surface potential difference at separator interface [V]"].entries
    found = simulator.run(STEPS)
    assert found.time_to_80_min == pytest.approx(solution["Time [min]"].entries[-1], abs=0.01)
    assert found.plating_margin_mv == pytest.approx(1000 * np.minimum(anode, separator).min(), abs=0.3)
    kelvin = solution["X-averaged cell temperature [K]"].entries.max()
    assert found.temperature_max_c == pytest.approx(kelvin - 273.15, abs=0.02)
    assert found.voltage_max_v == pytest.approx(solution["Voltage [V]"].entries.max(), abs=1e-3)
    sei, plating = (
        1000 * (entries[-1] - entries[0])
        for entries in (
            solution[f"Loss of capacity to negative {what} [A.h]"].entries for what in ("SEI", "lithium plating")
        )
    )
    assert found.capacity_lost_mah + found.plated_mah == pytest.approx(sei + plating, rel=0.01)
    dead, plated = (
        solution[f"Volume-averaged negative {what} concentration [mol.m-3]"].entries[-1]
        for what in ("dead lithium", "lithium plating")
    )
    assert found.capacity_lost_mah == pytest.approx(sei + plating * dead / (dead + plated), rel=0.01)


def test_arithmetic_of_steps_and_what_faster_charging_costs(simulator: ChargingSimulator) -> None:
    slow, fast = simulator.run(FourStep((1.5,) * 4)), simulator.run(FourStep((3.0,) * 4))
    assert slow.time_to_80_min == pytest.approx(28.0)
    assert fast.time_to_80_min == pytest.approx(14.0)
    assert slow.plating_margin_mv > 0 > fast.plating_margin_mv
    assert 25 < slow.temperature_max_c < fast.temperature_max_c < 45
    assert slow.soc_end == pytest.approx(0.8)


def test_no_charge_depends_on_those_before_it(simulator: ChargingSimulator) -> None:
    first = simulator.run(STEPS)
    simulator.run(FourStep((4.0, 3.0, 2.0, 1.0)))
    assert numbers(simulator.run(STEPS)) == numbers(first)


def test_cc_cv_holds_its_voltage(simulator: ChargingSimulator) -> None:
    result = simulator.run(CCCV(3.0), keep_trace=True)
    assert result.reached
    assert result.trace is not None
    held = result.trace[result.trace["c_rate"] < 2.99]
    assert len(held) > 5
    assert abs(held["voltage_v"] - 4.2).max() < 0.01
    assert result.voltage_max_v < 4.205
    assert result.trace["c_rate"].is_monotonic_decreasing


@pytest.mark.slow
def test_cc_cv_agrees_with_pybamms_own_hold(simulator: ChargingSimulator) -> None:
    import pybamm

    # the state of charge goes by the nominal capacity, PyBaMM's by what the electrodes hold
    held = simulator._model.electrodes.fresh.capacity_ah
    parameters = find_cell("power_cell").make_parameters(0.1 * simulator.capacity_ah / held, 25.0)
    parameters.update({"Current function [A]": 0.0})
    found = simulator.run(CCCV(3.0), keep_trace=True)
    assert found.trace is not None
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPMe(OPTIONS),
        parameter_values=parameters,
        experiment=pybamm.Experiment(
            [
                pybamm.step.c_rate(-3.0, termination="4.2 V", period=5),
                pybamm.step.voltage(4.2, duration="10 minutes", period=5),
            ]
        ),
        solver=pybamm.IDAKLUSolver(rtol=1e-6, atol=1e-8),
        var_pts=MESH,
    )
    solution = simulation.solve()
    charged = -solution["Discharge capacity [A.h]"].entries / simulator.capacity_ah
    minutes = float(np.interp(0.7, charged, solution["Time [min]"].entries))
    assert found.time_to_80_min == pytest.approx(minutes, abs=0.05)


def test_cc_cv_at_its_extremes(simulator: ChargingSimulator) -> None:
    assert simulator.run(CCCV(6.0)).reached
    assert simulator.run(CCCV(3.0, voltage_limit_v=4.6)).time_to_80_min == pytest.approx(14.0)
    low = simulator.run(CCCV(3.0, voltage_limit_v=3.5))
    assert not low.failure
    assert 0.1 < low.soc_end < 0.8
    assert np.isnan(low.time_to_80_min)
    below = simulator.run(CCCV(3.0, voltage_limit_v=3.0))
    assert below.failure == "ended_early"
    assert "above 3.0 V" in below.message


def test_a_timed_profile_ends_at_the_charge_or_with_its_last_step(simulator: ChargingSimulator) -> None:
    assert simulator.run(Timed(((3.0, 20.0),))).time_to_80_min == pytest.approx(14.0)
    short = simulator.run(Timed(((1.0, 6.0),)))
    assert not short.reached
    assert np.isnan(short.time_to_80_min)
    assert short.soc_end == pytest.approx(0.2)


def test_the_chapter_s_four_phases_take_27_minutes_from_10_percent(simulator: ChargingSimulator) -> None:
    found = simulator.run(Phases(CHAPTER_PHASES))
    assert found.time_to_80_min == pytest.approx(6 / 5 + 18 / 3 + 12 / 1.5 + 6 / 0.5) == pytest.approx(27.2)
    assert found.label == "5C to 20 % + 3C to 50 % + 1.5C to 70 % + 0.5C to 80 %"
    late = simulator.run(Phases(CHAPTER_PHASES), start=Start(soc=0.6))
    assert late.time_to_80_min == pytest.approx(6 / 1.5 + 6 / 0.5), "a charge that starts late begins in its phase"


def test_a_failed_charge_is_typed_and_has_no_numbers(simulator: ChargingSimulator) -> None:
    result = simulator.run(FourStep((40.0,) * 4))
    assert result.failure in ("solver_failed", "ended_early", "unphysical")
    assert result.message
    assert np.isnan(numbers(result)).all()


@pytest.mark.slow
def test_two_processes_give_the_same_results_in_the_same_order() -> None:
    protocols: list[Protocol] = [STEPS, FourStep((1.0,) * 4), FourStep((3.0, 2.0, 1.5, 1.0))]
    reports: list[tuple[int, int]] = []
    alone, shared = (
        simulate_protocols(protocols, ChargeSetup(), processes=n, progress=lambda *a: reports.append(a)) for n in (1, 2)
    )
    assert [numbers(a) for a in alone] == [numbers(b) for b in shared]
    assert [a.label for a in alone] == [p.label for p in protocols]
    assert reports == [(1, 3), (2, 3), (3, 3)] * 2


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: FourStep((1.0, -1.0)), "C-rates must be positive"),
        (lambda: FourStep(()), "C-rates must be positive"),
        (lambda: FourStep((float("nan"), 1.0)), "C-rates must be positive"),
        (lambda: CCCV(float("inf")), "must be above the cut-off"),
        (lambda: CCCV(1.0, voltage_limit_v=float("nan")), "voltage_limit_v must be above 0"),
        (lambda: CCCV(0.01), "must be above the cut-off"),
        (lambda: Timed(((1.0, 0.0),)), "minutes must be positive"),
        (lambda: Phases(()), "must rise from above 0"),
        (lambda: Phases(((0.5, 1.0), (0.4, 1.0))), "must rise from above 0"),
        (lambda: Phases(((0.5, 0.0),)), "C-rates must be positive"),
        (lambda: ChargingSimulator("powercell"), "did you mean 'power_cell'"),
        (lambda: ChargingSimulator(model="P2D"), "use SPMe or DFN"),
        (lambda: ChargingSimulator(soc_start=0.9), "must rise"),
    ],
)
def test_mistakes_are_refused_before_anything_is_built(make: object, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        make()  # type: ignore[operator]


def test_cells_say_where_their_numbers_come_from() -> None:
    for cell in CELLS.values():
        assert "doi:" in cell.provenance
        assert "not fitted" in cell.provenance
