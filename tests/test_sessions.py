"""Charging step by step: the same cell whoever asks, from any start."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.charging.cells import CELLS
from batterymi.charging.electrodes import FARADAY, Electrodes
from batterymi.charging.outcome import ChargeError, FailureKind
from batterymi.charging.protocols import FourStep
from batterymi.charging.simulator import ChargingSimulator
from batterymi.charging.solvers import CompiledSolver
from batterymi.charging.state import Start

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("sessions")]
RATES = (2.0, 1.5, 1.0, 0.8)


@lru_cache
def electrodes_of(cell: str) -> Electrodes:
    return Electrodes(CELLS[cell].make_parameters())


@pytest.fixture(scope="module")
def simulator() -> Iterator[ChargingSimulator]:
    return ChargingSimulator()


@pytest.fixture(scope="module", params=CELLS)
def any_cell(request: pytest.FixtureRequest) -> ChargingSimulator:
    return ChargingSimulator(request.param)


def test_steps_and_the_protocol_made_of_them_are_one_charge(simulator: ChargingSimulator) -> None:
    session = simulator.begin(Start(soc=0.1))
    readings = [session.step(rate, session.seconds_to(0.1 + 0.175 * (n + 1), rate)) for n, rate in enumerate(RATES)]
    result = simulator.run(FourStep(RATES), keep_trace=True)
    assert session.soc == pytest.approx(0.8)
    assert min(r.plating_margin_mv for r in readings) == pytest.approx(result.plating_margin_mv, abs=1e-9)
    assert max(r.voltage_max_v for r in readings) == pytest.approx(result.voltage_max_v, abs=1e-9)
    assert readings[-1].capacity_lost_mah == pytest.approx(result.capacity_lost_mah)
    assert readings[-1].heat_j == pytest.approx(result.heat_j)
    assert readings[-1].seconds / 60 == pytest.approx(result.time_to_80_min)
    assert result.trace is not None
    pd.testing.assert_frame_equal(session.trace(), result.trace, rtol=1e-6)


def test_a_charge_cut_into_many_steps_is_the_same_charge(simulator: ChargingSimulator) -> None:
    session, whole = simulator.begin(), simulator.begin().step(2.0, 600.0)
    margins = [session.step(2.0, 30.0).plating_margin_mv for _ in range(20)]
    assert session.now.voltage_v == pytest.approx(whole.voltage_v, abs=5e-5)
    assert session.now.temperature_c == pytest.approx(whole.temperature_c, abs=5e-3)
    assert min(margins) == pytest.approx(whole.plating_margin_mv, abs=0.05)
    assert session.now.heat_j == pytest.approx(whole.heat_j, rel=1e-3)


def test_looking_ahead_changes_nothing(simulator: ChargingSimulator) -> None:
    peeked, plain = simulator.begin(), simulator.begin()
    before = peeked.now
    ahead = peeked.peek(3.0, 60.0)
    peeked.peek(1.0, 60.0)
    assert peeked.now == before
    assert peeked.soc == plain.soc
    assert peeked.step(3.0, 60.0) == ahead == plain.step(3.0, 60.0)


def test_no_session_remembers_another(simulator: ChargingSimulator) -> None:
    start = Start(soc=0.2, ambient_c=15.0, lithium_lost=0.05)
    first = simulator.begin(start)
    numbers = [first.now, first.step(2.0, 60.0), first.step(1.0, 60.0)]
    hot = simulator.begin(Start(soc=0.0, ambient_c=40.0))
    hot.step(3.0, 300.0)
    again = simulator.begin(start)
    assert [again.now, again.step(2.0, 60.0), again.step(1.0, 60.0)] == numbers


def test_temperatures_are_those_asked_for(simulator: ChargingSimulator) -> None:
    warm = simulator.begin(Start(ambient_c=25.0, initial_c=60.0))
    assert warm.now.temperature_c == pytest.approx(60.0)
    rested = warm.step(0.0, 600.0)
    assert 25.0 < rested.temperature_c < 40.0
    assert warm.step(0.0, 36000.0).temperature_c == pytest.approx(25.0, abs=0.1)
    cold, mild = (simulator.begin(Start(ambient_c=celsius)) for celsius in (10.0, 45.0))
    assert cold.now.resistance_mohm > 1.5 * mild.now.resistance_mohm
    assert cold.step(2.0, 60.0).plating_margin_mv < mild.step(2.0, 60.0).plating_margin_mv


def test_the_heat_that_is_told_is_the_heat_that_leaves_the_cell(simulator: ChargingSimulator) -> None:
    session = simulator.begin(Start(ambient_c=25.0))
    session.step(3.0, 600.0)
    rested = session.step(0.0, 36000.0)
    parameters = simulator.cell.make_parameters()
    conductance = (
        parameters["Total heat transfer coefficient [W.m-2.K-1]"] * parameters["Cell cooling surface area [m2]"]
    )
    trace = session.trace()
    carried_off = conductance * np.trapezoid(trace["temperature_c"] - 25.0, 60 * trace["time_min"])
    assert rested.temperature_c == pytest.approx(25.0, abs=0.05)
    assert rested.heat_j == pytest.approx(carried_off, rel=0.005)


def test_an_aged_cell_holds_less_and_resists_more(simulator: ChargingSimulator) -> None:
    fresh, aged = simulator.begin(), simulator.begin(Start(lithium_lost=0.1))
    assert aged.seconds_to(0.8, 1.0) == pytest.approx(0.9 * fresh.seconds_to(0.8, 1.0), rel=0.02)
    new, old = fresh.step(1.0, 60.0), aged.step(1.0, 60.0)
    assert old.resistance_mohm > new.resistance_mohm + 10
    assert old.sei_mah < new.sei_mah, "a thick film grows more slowly"


def test_lithium_that_left_the_particles_is_in_the_film(simulator: ChargingSimulator) -> None:
    model = simulator._model
    fresh, aged = (model.begin(Start(soc=0.4, lithium_lost=lost)) for lost in (0.0, 0.08))
    electrodes = model.electrodes

    def lithium_ah(lost: float) -> float:
        return sum(
            share * capacity
            for share, capacity in zip(
                electrodes.window(lost).compute_stoichiometries(0.4), electrodes.capacities_ah, strict=True
            )
        )

    missing = lithium_ah(0.0) - lithium_ah(0.08)
    assert missing == pytest.approx(0.08 * electrodes.window(0.0).capacity_ah, rel=1e-6)
    variable, places = model._sei
    grown = (aged.state - fresh.state)[places[0]].mean() * float(variable.scale.evaluate())
    film_ah = grown * electrodes.volume_m3 * electrodes.lithium_per_sei * FARADAY / 3600
    assert film_ah == pytest.approx(missing, rel=1e-4)


def test_every_cell_charges_and_loses_no_charge_on_the_way(any_cell: ChargingSimulator) -> None:
    """What goes in is in the anode's particles, on them, or in their film; that also counts every electrode pair."""
    session = any_cell.begin(Start(soc=0.1))
    reading = session.step(1.0, session.seconds_to(0.8, 1.0))
    assert reading.soc == pytest.approx(0.8)
    values = session.join_steps()
    n_capacity, _ = any_cell._model.electrodes.capacities_ah
    stored = 1000 * n_capacity * (values["average_n"][-1] - values["average_n"][0])
    passed = 1000 * any_cell.capacity_ah * reading.seconds / 3600
    gone = reading.sei_mah + reading.dead_mah + reading.plated_mah
    assert gone > 0
    assert stored + gone == pytest.approx(passed, rel=2e-5)
    assert reading.heat_j > 0
    assert reading.temperature_max_c > 25.0


@pytest.mark.parametrize("cell", CELLS)
@given(lost=st.floats(1e-4, 0.2))
@settings(max_examples=25)
def test_a_cell_with_less_lithium_keeps_its_voltage_limits(cell: str, lost: float) -> None:
    electrodes = electrodes_of(cell)
    window = electrodes.window(lost)
    for end, wanted in enumerate(CELLS[cell].voltage_limits_v):
        assert electrodes.voltage(window.negative[end], window.positive[end]) == pytest.approx(wanted, abs=1e-5)
    assert 0 < window.negative[0] < window.negative[1] < electrodes.fresh.negative[1]
    assert 0 < window.positive[1] < window.positive[0] < electrodes.fresh.positive[0]


@pytest.mark.parametrize("cell", ["Marquis2019", "OKane2022"])
@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_state_of_charge_goes_by_the_nominal_capacity_from_the_lower_limit(cell: str, lost: float) -> None:
    simulator = ChargingSimulator(cell)
    empty = simulator.begin(Start(soc=0.0, lithium_lost=lost))
    assert empty.now.voltage_v == pytest.approx(simulator.cell.voltage_limits_v[0], abs=1e-3)
    hours = empty.seconds_to(1.0, 1.0) / 3600
    electrodes = simulator._model.electrodes
    held = electrodes.window(lost).capacity_ah / electrodes.fresh.capacity_ah
    assert hours == pytest.approx(held)
    # a cell that is put on charge at some state of charge is where one that was charged to it comes to rest
    empty.step(0.05, empty.seconds_to(0.6, 0.05))
    rested = empty.step(0.0, 36000.0)
    there = simulator.begin(Start(soc=0.6, lithium_lost=lost)).now
    assert rested.voltage_v == pytest.approx(there.voltage_v, abs=3e-3)


def test_a_step_that_fails_leaves_the_session_as_it_was(simulator: ChargingSimulator) -> None:
    session, plain = simulator.begin(), simulator.begin()
    with pytest.raises(ChargeError, match=r"at 40C from SOC 0\.10") as caught:
        session.step(40.0, 60.0)
    assert caught.value.kind in FailureKind
    assert session.step(1.0, 60.0) == plain.step(1.0, 60.0)


def test_the_margin_is_that_of_a_fine_mesh_and_tight_tolerances(simulator: ChargingSimulator) -> None:
    fine = ChargingSimulator(fineness=3)
    for protocol in (FourStep(RATES), FourStep((4.0, 3.0, 2.0, 1.5))):
        usual, peer = simulator.run(protocol), fine.run(protocol)
        assert usual.plating_margin_mv == pytest.approx(peer.plating_margin_mv, abs=0.2)
        assert usual.temperature_max_c == pytest.approx(peer.temperature_max_c, abs=0.02)


@pytest.mark.parametrize("model", ["SPMe", "DFN"])
def test_every_solver_of_the_fallback_finds_the_same_charge(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = ChargingSimulator(model=model)
    fallback = simulator._model._solvers
    usual = simulator.begin().step(2.0, 300.0)

    def fail(*_: object) -> None:
        raise ChargeError(FailureKind.SOLVER_FAILED, "made to fail")

    monkeypatch.setattr(fallback._first, "integrate", fail)
    found = [simulator.begin().step(2.0, 300.0)]
    for solver in fallback._fallbacks[:-1]:
        monkeypatch.setattr(solver, "integrate", fail)
        found.append(simulator.begin().step(2.0, 300.0))
    for reading in found:
        assert reading.voltage_v == pytest.approx(usual.voltage_v, abs=1e-4)
        assert reading.plating_margin_mv == pytest.approx(usual.plating_margin_mv, abs=0.05)
        assert reading.temperature_c == pytest.approx(usual.temperature_c, abs=2e-3)
    monkeypatch.setattr(fallback._fallbacks[-1], "integrate", fail)
    with pytest.raises(ChargeError, match="made to fail") as caught:
        simulator.begin()
    assert caught.value.kind == FailureKind.SOLVER_FAILED


def test_calling_the_solver_below_pybamm_gives_what_pybamm_gives(simulator: ChargingSimulator) -> None:
    import pybamm

    model = simulator._model
    origin = model.begin(Start(soc=0.3, ambient_c=15.0))
    inputs = origin.inputs | {"Current function [A]": -3.0}
    values = np.array(list(inputs.values()))
    solver = model._solvers._first
    assert isinstance(solver, CompiledSolver)
    _, states = solver.integrate(origin.state, values, 120.0)
    peer = pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-9)
    before = pybamm.Solution(np.zeros(1), origin.state[:, np.newaxis], model._model, inputs, termination="final time")
    wanted = peer.step(before, model._model, 120.0, inputs=inputs, save=False).y[:, -1]
    assert states[:, -1] == pytest.approx(np.asarray(wanted).ravel(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("rate", "seconds"), [(-1.0, 60.0), (1.0, 0.0), (1.0, -5.0), (float("nan"), 60.0), (1.0, float("inf"))]
)
def test_steps_that_mean_nothing_are_refused(simulator: ChargingSimulator, rate: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="a step needs a C-rate"):
        simulator.begin().step(rate, seconds)


def test_a_charge_from_above_its_end_is_refused(simulator: ChargingSimulator) -> None:
    with pytest.raises(ValueError, match="must rise"):
        simulator.run(FourStep((1.0,)), start=Start(soc=0.85))
