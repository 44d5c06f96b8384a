"""One built PyBaMM model of a cell, and steps of it at constant current from any state."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from batterymi.arrays import Array
from batterymi.charging.cells import Cell
from batterymi.charging.electrodes import Electrodes
from batterymi.charging.readout import CURRENT, ELECTRODE_PAIRS, FRESH_SEI, Readout, check_physical
from batterymi.charging.solvers import SolverFallback
from batterymi.charging.state import Start

OPTIONS = {"thermal": "lumped", "lithium plating": "partially reversible", "SEI": "solvent-diffusion limited"}
# three times as many points move the plating margin by about 0.1 mV (docs/charging.md)
MESH = {"x_n": 10, "x_s": 5, "x_p": 10, "r_n": 12, "r_p": 12}
LIFT_V = 1.0  # past the cell's limits, so that a charge beyond them is reported, not cut short
AMBIENT = "Ambient temperature [K]"
INITIAL = "Initial temperature [K]"
NEGATIVE = "Initial concentration in negative electrode [mol.m-3]"
POSITIVE = "Initial concentration in positive electrode [mol.m-3]"
SEI = "Negative SEI concentration [mol.m-3]"


@dataclass(frozen=True)
class Origin:
    """The constants of a charge, set at its start.

    Attributes:
        state: the model's state vector.
        inputs: values of the model's inputs; the current is set step by step.
        capacity_ah: charge from empty to full.
    """

    state: Array
    inputs: dict[str, float]
    capacity_ah: float


class CellModel:
    """A cell model whose current, temperatures and initial lithium are inputs, so that it is built once."""

    def __init__(self, cell: Cell, model: str, fineness: int = 1) -> None:
        """Build the model and its solver.

        Args:
            cell: a declared cell.
            model: "SPMe" or "DFN".
            fineness: factor on the points of the mesh; each increment divides the tolerances by ten.
        """
        # has to be set before PyBaMM is imported
        os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
        import pybamm

        pybamm.set_logging_level("CRITICAL")
        parameters = cell.make_parameters()
        self.electrodes = Electrodes(parameters)
        self.capacity_ah = float(parameters["Nominal cell capacity [A.h]"])
        # of what the electrodes hold between the voltage limits, the nominal capacity counts as the whole
        self._counted = min(1.0, self.capacity_ah / self.electrodes.fresh.capacity_ah)
        parameters.update(dict.fromkeys((CURRENT, AMBIENT, INITIAL, NEGATIVE, POSITIVE), "[input]"))
        low, high = cell.voltage_limits_v
        parameters.update({"Lower voltage cut-off [V]": low - LIFT_V, "Upper voltage cut-off [V]": high + LIFT_V})
        simulation = pybamm.Simulation(
            getattr(pybamm.lithium_ion, model)(OPTIONS),
            parameter_values=parameters,
            var_pts={name: n * fineness for name, n in MESH.items()},
        )
        simulation.build()
        self._model: Any = simulation.built_model
        events = [event.name for event in self._model.events if event.event_type.name == "TERMINATION"]
        inputs = self._inputs(Start())
        self._solvers = SolverFallback(self._model, inputs, events, 10.0 ** (fineness - 1))
        self._sei = next((key, place) for key, place in self._model.y_slices.items() if key.name == SEI)
        fresh_sei_m, electrode_pairs = float(parameters[FRESH_SEI]), float(parameters[ELECTRODE_PAIRS])
        self._readout = Readout(self._model, list(inputs), fresh_sei_m, electrode_pairs)

    def begin(self, start: Start) -> Origin:
        """Return the state vector and the inputs of a cell that is put on charge.

        Args:
            start: its state.
        """
        inputs = self._inputs(start)
        values = np.array(list(inputs.values()))
        guess = np.zeros(self._model.len_rhs_and_alg)
        state = np.array(self._model.initial_conditions_eval(0.0, guess, values), float).ravel()
        variable, places = self._sei
        # PyBaMM's state vector is scaled, so the added concentration has to be as well
        state[places[0]] += self.electrodes.compute_sei_growth(start.lithium_lost) / float(variable.scale.evaluate())
        capacity_ah = self.electrodes.window(start.lithium_lost).capacity_ah * self._counted
        return Origin(state, inputs, capacity_ah)

    def _inputs(self, start: Start) -> dict[str, float]:
        """Return the values of the model's inputs, without current, in the order in which PyBaMM stacks them."""
        negative, positive = self.electrodes.compute_concentrations(self._counted * start.soc, start.lithium_lost)
        kelvin = {AMBIENT: start.ambient_c + 273.15, INITIAL: start.temperature_c + 273.15}
        return dict(sorted({CURRENT: 0.0, NEGATIVE: negative, POSITIVE: positive, **kelvin}.items()))

    def solve(
        self, origin: Origin, state: Array, rate: float, seconds: float, patient: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Charge at constant current.

        Args:
            origin: where the charge began.
            state: the model's state vector.
            rate: C-rate; 0 rests.
            seconds: duration, above 0.
            patient: whether to try other solvers where the first fails.

        Returns:
            The state vector at the end, and the outputs over the solver's time points.

        Raises:
            ChargeError: if no solver succeeds, an event stops the charge, or the state is not physical.
        """
        # PyBaMM counts the current of a discharge as positive
        inputs = np.array(list((origin.inputs | {CURRENT: -rate * self.capacity_ah}).values()))
        times, states = self._solvers.integrate(state, inputs, seconds, patient)
        outputs = self._readout.read(times, states, inputs)
        check_physical(outputs)
        return states[:, -1], outputs
