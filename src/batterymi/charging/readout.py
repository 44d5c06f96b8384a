"""What is read from a cell model while it charges: one compiled function for all outputs, and physical limits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.charging.outcome import ChargeError, FailureKind

CURRENT = "Current function [A]"
ELECTRODE_PAIRS = "Number of electrodes connected in parallel to make a cell"
FRESH_SEI = "Initial SEI thickness [m]"

# φ_s - φ_e at the negative particles' surface is the anode's potential against lithium metal in the same electrolyte;
# lithium plates where it falls below 0 V. Its profile over the electrode and its value at the separator, where it is
# lowest in most charges, both count. The drop over the SEI film drives no plating (Yang et al. 2017,
# doi:10.1016/j.jpowsour.2017.05.110): that over the film which ageing added is taken out, the few mV of the fresh film
# stay as a reserve.
OUTPUTS = {
    "voltage": "Voltage [V]",
    "temperature": "X-averaged cell temperature [K]",
    "anode": "Negative electrode surface potential difference [V]",
    "anode_separator": "Negative electrode surface potential difference at separator interface [V]",
    "film": "Negative electrode SEI film overpotential [V]",
    "film_thickness": "Negative SEI thickness [m]",
    "open_circuit": "Battery open-circuit voltage [V]",
    "heat": "Total heating [W]",
    "sei": "Loss of capacity to negative SEI [A.h]",
    "plated_and_dead": "Loss of capacity to negative lithium plating [A.h]",
    "dead": "Volume-averaged negative dead lithium concentration [mol.m-3]",
    "plated": "Volume-averaged negative lithium plating concentration [mol.m-3]",
    "surface_n": "Negative particle surface stoichiometry",
    "surface_p": "Positive particle surface stoichiometry",
    "average_n": "Average negative particle stoichiometry",
    "average_p": "Average positive particle stoichiometry",
    "electrolyte": "Electrolyte concentration [mol.m-3]",
}
STOICHIOMETRIES = {
    "surface_n": "stoichiometry at the negative particles' surface",
    "surface_p": "stoichiometry at the positive particles' surface",
    "average_n": "mean stoichiometry of the negative particles",
    "average_p": "mean stoichiometry of the positive particles",
}


class Readout:
    """All outputs of a built model, by one compiled function of time, state and inputs."""

    def __init__(self, model: Any, inputs: Sequence[str], fresh_sei_m: float, electrode_pairs: float) -> None:
        """Compile the outputs.

        Args:
            model: a PyBaMM model that was built.
            inputs: names of its inputs, in the order of their values.
            fresh_sei_m: thickness of the fresh cell's SEI.
            electrode_pairs: number of pairs in the cell; PyBaMM counts the lithium lost of one.
        """
        import casadi

        time, values = casadi.MX.sym("time"), casadi.MX.sym("inputs", len(inputs))
        state = casadi.MX.sym("state", model.len_rhs_and_alg)
        symbols = {name: values[place] for place, name in enumerate(inputs)}
        columns = {
            key: model.get_processed_variable(name).to_casadi(time, state, inputs=symbols)
            for key, name in OUTPUTS.items()
        }
        aged = columns.pop("film") * (1 - fresh_sei_m / columns.pop("film_thickness"))
        columns["anode"] += aged
        columns["anode_separator"] += aged[-1]
        # PyBaMM counts the lithium lost of a single electrode pair
        columns["sei"] *= electrode_pairs
        columns["plated_and_dead"] *= electrode_pairs
        self._sizes = {key: int(column.shape[0]) for key, column in columns.items()}
        self._function = casadi.Function("outputs", [time, state, values], [casadi.vertcat(*columns.values())])

    def read(self, times: Array, states: Array, inputs: Array) -> dict[str, Array]:
        """Return the outputs at a solution's time points.

        Args:
            times: seconds, shape (n_times,).
            states: state vectors, shape (n_states, n_times).
            inputs: values of the inputs, constant over time.

        Returns:
            Per output an array over time; profiles over the electrode have the places first. "time" is in seconds from
            the step's start.
        """
        # all time points in one call of compiled code
        function = self._function.map(len(times))
        found = function(times[np.newaxis], states, np.tile(inputs[:, np.newaxis], len(times))).full()
        values, row = {}, 0
        for key, size in self._sizes.items():
            block = found[row : row + size]
            values[key] = block[0] if size == 1 else block
            row += size
        values["time"] = times - times[0]
        return values


def check_physical(values: dict[str, Array]) -> None:
    """Check that the cell is in a physical state.

    Args:
        values: outputs of one step.

    Raises:
        ChargeError: for numbers that are not finite, stoichiometries outside 0 to 1, or an electrolyte run dry.
    """
    for key, block in values.items():
        if not np.isfinite(block).all():
            raise ChargeError(FailureKind.UNPHYSICAL, f"{key} is not finite")
    for key, words in STOICHIOMETRIES.items():
        low, high = float(values[key].min()), float(values[key].max())
        if low <= 0 or high >= 1:
            raise ChargeError(FailureKind.UNPHYSICAL, f"{words} goes from {low:.3g} to {high:.3g}")
    if (lowest := float(values["electrolyte"].min())) <= 0:
        raise ChargeError(FailureKind.UNPHYSICAL, f"the electrolyte concentration falls to {lowest:.3g} mol/m3")


def compute_plating_margin_mv(values: dict[str, Array]) -> Array:
    """Return the smallest anode potential against lithium over the anode, mV, shape (n_times,)."""
    return 1000 * np.minimum(values["anode"].min(axis=0), values["anode_separator"])


def measure_charge(before: dict[str, Array], values: dict[str, Array]) -> dict[str, Any]:
    """Return extremes, and lithium that left the cycle, under the names that readings and results have for them.

    Args:
        before: outputs, of which the first time point counts for losses.
        values: outputs, of which the last time point counts for losses, and all for extremes.
    """
    plating = float(values["plated_and_dead"][-1] - before["plated_and_dead"][0])
    lithium = float(values["dead"][-1] + values["plated"][-1])
    # PyBaMM lumps plated and dead lithium, so their concentrations give the split
    dead = plating * float(values["dead"][-1]) / lithium if lithium > 0 else 0.0
    sei_mah, dead_mah = 1000 * float(values["sei"][-1] - before["sei"][0]), 1000 * dead
    return {
        "plating_margin_mv": float(compute_plating_margin_mv(values).min()),
        "temperature_max_c": float(values["temperature"].max() - 273.15),
        "voltage_max_v": float(values["voltage"].max()),
        "capacity_lost_mah": sei_mah + dead_mah,
        "plated_mah": 1000 * (plating - dead),
        "sei_mah": sei_mah,
        "dead_mah": dead_mah,
    }


def integrate_heat(values: dict[str, Array]) -> float:
    """Integrate the heat that the cell made over the time points, J, by the trapezoidal rule."""
    return float(np.trapezoid(values["heat"], values["seconds"]))


def make_trace(values: dict[str, Array]) -> pd.DataFrame:
    """Make the table of a charge over time.

    Args:
        values: outputs of all steps, one after the other, with "soc", "seconds" and "rate" over time.
    """
    return pd.DataFrame(
        {
            "time_min": values["seconds"] / 60,
            "soc": values["soc"],
            "c_rate": values["rate"],
            "voltage_v": values["voltage"],
            "temperature_c": values["temperature"] - 273.15,
            "plating_margin_mv": compute_plating_margin_mv(values),
        }
    )
