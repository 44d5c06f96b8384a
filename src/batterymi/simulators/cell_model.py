"""One built PyBaMM model of a cell, and steps of it at constant current from any state."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.simulators.cells import Cell
from batterymi.simulators.electrodes import Electrodes
from batterymi.simulators.outcome import ChargeError, FailureKind
from batterymi.simulators.readout import CURRENT, FRESH_SEI, Readout, check_physical
from batterymi.simulators.state import Start

Array = NDArray[np.float64]

OPTIONS = {
    "thermal": "lumped",
    "lithium plating": "partially reversible",
    "SEI": "solvent-diffusion limited",
}
MESH = {"x_n": 10, "x_s": 5, "x_p": 10, "r_n": 12, "r_p": 12}
RTOL, ATOL = 1e-5, 1e-6
LIFT_V = 1.0  # past the cell's limits, so that a charge beyond them is reported, not cut short
AMBIENT = "Ambient temperature [K]"
INITIAL = "Initial temperature [K]"
NEGATIVE = "Initial concentration in negative electrode [mol.m-3]"
POSITIVE = "Initial concentration in positive electrode [mol.m-3]"
SEI = "Negative SEI concentration [mol.m-3]"
FINAL_TIME, EVENT = 0, 2


@dataclass(frozen=True)
class Origin:
    """What a charge keeps from its start.

    Attributes:
        state: the model's state vector.
        inputs: values of the model's inputs; the current is set step by step.
        capacity_ah: charge from empty to full.
    """

    state: Array
    inputs: dict[str, float]
    capacity_ah: float


class CellModel:
    """A cell model whose current, temperatures and initial lithium are inputs, so that it is built once.

    Steps call the solver below PyBaMM's `step`, whose bookkeeping costs more than the integration of a minute.
    """

    def __init__(self, cell: Cell, model: str) -> None:
        """Build the model and its solver.

        Args:
            cell: a declared cell.
            model: "SPMe" or "DFN".
        """
        os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
        import pybamm

        pybamm.set_logging_level("CRITICAL")
        parameters = cell.parameters()
        self.electrodes = Electrodes(parameters)
        self.capacity_ah = float(parameters["Nominal cell capacity [A.h]"])
        self._soc_scale = cell.soc_scale(self.electrodes.window(0.0).capacity_ah)
        parameters.update(dict.fromkeys((CURRENT, AMBIENT, INITIAL, NEGATIVE, POSITIVE), "[input]"))
        low, high = cell.voltage_limits_v
        parameters.update({"Lower voltage cut-off [V]": low - LIFT_V, "Upper voltage cut-off [V]": high + LIFT_V})
        simulation = pybamm.Simulation(
            getattr(pybamm.lithium_ion, model)(OPTIONS),
            parameter_values=parameters,
            solver=pybamm.IDAKLUSolver(rtol=RTOL, atol=ATOL),
            var_pts=MESH,
        )
        simulation.build()
        self._model: Any = simulation.built_model
        self._solver: Any = simulation.solver
        self._events = [event.name for event in self._model.events if event.event_type.name == "TERMINATION"]
        self._solver.set_up(self._model, _ordered(self._inputs(Start())))
        self._sei = next((key, place) for key, place in self._model.y_slices.items() if key.name == SEI)
        fresh_sei_m = float(parameters[FRESH_SEI])
        self._readout = Readout(self._model, list(_ordered(self._inputs(Start()))), fresh_sei_m)

    def begin(self, start: Start) -> Origin:
        """State vector and inputs of a cell put on charge.

        Args:
            start: its state.
        """
        inputs = _ordered(self._inputs(start))
        values = np.array(list(inputs.values()))
        guess = np.zeros(self._model.len_rhs_and_alg)
        state = np.array(self._model.initial_conditions_eval(0.0, guess, values), float).ravel()
        variable, places = self._sei
        state[places[0]] += self.electrodes.sei_grown(start.lithium_lost) / float(variable.scale.evaluate())
        capacity_ah = self.electrodes.window(start.lithium_lost).capacity_ah * self._soc_scale
        return Origin(state, inputs, capacity_ah)

    def _inputs(self, start: Start) -> dict[str, float]:
        """Values of the model's inputs, without current."""
        negative, positive = self.electrodes.concentrations(start.soc, start.lithium_lost)
        return {
            CURRENT: 0.0,
            AMBIENT: start.ambient_c + 273.15,
            INITIAL: start.temperature_c + 273.15,
            NEGATIVE: negative,
            POSITIVE: positive,
        }

    def solve(self, origin: Origin, state: Array, rate: float, seconds: float) -> tuple[Array, dict[str, Array]]:
        """Charge at constant current.

        Args:
            origin: where the charge began.
            state: the model's state vector.
            rate: C-rate; 0 rests.
            seconds: duration, above 0.

        Returns:
            The state vector at the end, and the outputs over the solver's time points.

        Raises:
            ChargeError: if the solver fails or stops early, or the state is one that no cell can be in.
        """
        values = np.array(list((origin.inputs | {CURRENT: -rate * self.capacity_ah}).values()))
        times, states, flag = self._integrate(state, values, seconds)
        if flag == EVENT:
            raise ChargeError(FailureKind.ENDED_EARLY, f"at {rate:.3g}C: event: {self._event(states[:, -1], values)}")
        if flag < FINAL_TIME:
            raise ChargeError(FailureKind.SOLVER_FAILED, f"at {rate:.3g}C: the solver failed with flag {flag}")
        outputs = self._readout.read(times, states, values)
        check_physical(outputs, rate)
        return states[:, -1], outputs

    def _integrate(self, state: Array, values: Array, seconds: float) -> tuple[Array, Array, int]:
        """Times, states of shape (n_states, n_times) and the solver's flag, by one call of the compiled solver."""
        slope = np.zeros_like(state)
        slope[: self._model.len_rhs] = np.array(self._model.rhs_eval(0.0, state, values), float).ravel()
        try:
            (found,) = self._solver._setup["solver"].solve(
                np.array([0.0, seconds]),
                np.empty(0),
                state[np.newaxis],
                slope[np.newaxis],
                values[np.newaxis],
                logger=None,
                pbar=np.empty((0, 0)),
            )
        except ValueError as error:
            raise ChargeError(FailureKind.SOLVER_FAILED, str(error)[:200]) from None
        times = np.asarray(found.t, float)
        return times, np.asarray(found.y, float).reshape(len(times), -1).T, int(found.flag)

    def _event(self, state: Array, values: Array) -> str:
        """Name of the event that stopped the solver."""
        distances = np.asarray(self._solver._setup["rootfn_casadi"](0.0, state, values), float).ravel()
        return self._events[int(np.nanargmin(np.abs(distances)))]


def _ordered(inputs: dict[str, float]) -> dict[str, float]:
    """Inputs in the order in which PyBaMM stacks them."""
    return dict(sorted(inputs.items()))
