"""Charging a cell in PyBaMM: the one door for every question about fast charging."""

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.simulators.cells import find_cell
from batterymi.simulators.protocols import CCCV, FourStep, Protocol, Timed

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

OPTIONS = {
    "thermal": "lumped",
    "lithium plating": "partially reversible",
    "SEI": "solvent-diffusion limited",
}
MESH = {"x_n": 10, "x_s": 5, "x_p": 10, "r_n": 12, "r_p": 12}
RTOL, ATOL = 1e-5, 1e-6
CV_STEP_S = 10.0
CV_TOLERANCE_V = 1e-3
MAX_CV_STEPS = 1200

# φ_s - φ_e at the negative particles' surface is the anode's potential against lithium metal in the same electrolyte;
# lithium plates where it falls below 0 V. Its profile over the electrode and its value at the separator, where it is
# lowest in most charges, both count.
OUTPUTS = {
    "voltage": "Voltage [V]",
    "temperature": "X-averaged cell temperature [K]",
    "anode": "Negative electrode surface potential difference [V]",
    "anode_separator": "Negative electrode surface potential difference at separator interface [V]",
    "sei": "Loss of capacity to negative SEI [A.h]",
    "plated_and_dead": "Loss of capacity to negative lithium plating [A.h]",
    "dead": "Volume-averaged negative dead lithium concentration [mol.m-3]",
    "plated": "Volume-averaged negative lithium plating concentration [mol.m-3]",
    "stoichiometry_n": "Negative particle surface stoichiometry",
    "stoichiometry_p": "Positive particle surface stoichiometry",
    "electrolyte": "Electrolyte concentration [mol.m-3]",
}


class FailureKind(StrEnum):
    """Why a charge has no result."""

    SOLVER_FAILED = "solver_failed"
    ENDED_EARLY = "ended_early"
    UNPHYSICAL = "unphysical"


class ChargeError(Exception):
    """A charge that could not be simulated to its end."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        """Keep the kind beside the message."""
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True)
class ChargeResult:
    """What came of one charge; all numbers are not-a-number after a failure.

    Attributes:
        label: the protocol.
        reached: whether the state of charge to reach was reached.
        time_to_80_min: minutes until then, not-a-number if it was not.
        soc_end: state of charge at the end.
        plating_margin_mv: smallest anode potential against lithium, over the anode and over time; negative: it plates.
        temperature_max_c: highest temperature, °C.
        voltage_max_v: highest voltage.
        capacity_lost_mah: charge lost to SEI growth and to dead lithium.
        plated_mah: charge of plated lithium that can still be stripped, at the end.
        failure: empty, or a `FailureKind`.
        message: what the failure was.
        trace: the charge over time, if it was asked for.
    """

    label: str
    reached: bool = False
    time_to_80_min: float = float("nan")
    soc_end: float = float("nan")
    plating_margin_mv: float = float("nan")
    temperature_max_c: float = float("nan")
    voltage_max_v: float = float("nan")
    capacity_lost_mah: float = float("nan")
    plated_mah: float = float("nan")
    failure: str = ""
    message: str = ""
    trace: pd.DataFrame | None = None


@dataclass
class _Charge:
    """A charge under way: the solver's last solution, and everything that was put out so far."""

    solution: Any
    soc: float
    seconds: float
    parts: list[dict[str, Array]]

    def joined(self) -> dict[str, Array]:
        """Outputs of all steps, one after the other along the last axis."""
        return {key: np.concatenate([part[key] for part in self.parts], axis=-1) for key in self.parts[0]}


class ChargingSimulator:
    """A cell model that is built once and charged many times, always from the same state.

    The current is an input of the model, so that a new protocol needs no new model. The solver's own time points, which
    lie closer where the state changes faster, are the sampling: against points 2.6 times as dense the smallest plating
    margin of a 2C-1.5C-1C-0.8C charge moves by less than 0.1 mV.
    """

    def __init__(
        self,
        cell: str = "power_cell",
        model: str = "SPMe",
        soc_start: float = 0.1,
        soc_end: float = 0.8,
        ambient_c: float = 25.0,
    ) -> None:
        """Build the model.

        Args:
            cell: a declared cell.
            model: "SPMe", or "DFN" to judge.
            soc_start: state of charge at the start, 0 to 1.
            soc_end: state of charge to reach.
            ambient_c: ambient and initial temperature, °C.

        Raises:
            ValueError: for an unknown cell or model, or a charge that does not go up.
        """
        os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
        import pybamm

        if model not in ("SPMe", "DFN"):
            raise ValueError(f"'{model}' is not a model; use SPMe or DFN")
        if not 0 <= soc_start < soc_end <= 1:
            raise ValueError(f"state of charge must rise within 0 to 1, found {soc_start} to {soc_end}")
        pybamm.set_logging_level("CRITICAL")
        self.soc_start, self.soc_end = soc_start, soc_end
        parameters = find_cell(cell).parameters(soc_start, ambient_c)
        self.capacity_ah = float(parameters["Nominal cell capacity [A.h]"])
        simulation = pybamm.Simulation(
            getattr(pybamm.lithium_ion, model)(OPTIONS),
            parameter_values=parameters,
            solver=pybamm.IDAKLUSolver(rtol=RTOL, atol=ATOL),
            var_pts=MESH,
        )
        simulation.build()
        self._model = simulation.built_model
        self._solver = simulation.solver
        self._solver_error = pybamm.SolverError
        self._outputs, self._sizes = _output_function(self._model)

    def run(self, protocol: Protocol, keep_trace: bool = False) -> ChargeResult:
        """Charge the cell from its initial state.

        Args:
            protocol: how.
            keep_trace: whether to keep the charge over time.

        Returns:
            The result; a failed charge is a result too, and raises nothing.
        """
        charge = _Charge(None, self.soc_start, 0.0, [])
        try:
            if isinstance(protocol, FourStep):
                self._charge_by_soc(charge, protocol)
            elif isinstance(protocol, Timed):
                self._charge_by_time(charge, protocol)
            else:
                self._charge_cc_cv(charge, protocol)
            return self._result(protocol.label, charge, keep_trace)
        except ChargeError as error:
            return ChargeResult(protocol.label, failure=error.kind.value, message=str(error))

    def _charge_by_soc(self, charge: _Charge, protocol: FourStep) -> None:
        """Equal steps of state of charge; each step's time follows from its current."""
        width = (self.soc_end - self.soc_start) / len(protocol.c_rates)
        for rate in protocol.c_rates:
            self._step(charge, rate, 3600 * width / rate)

    def _charge_by_time(self, charge: _Charge, protocol: Timed) -> None:
        """Steps of given time, ended by the state of charge to reach."""
        for rate, minutes in protocol.segments:
            left = 3600 * (self.soc_end - charge.soc) / rate
            self._step(charge, rate, min(60 * minutes, left))
            if charge.soc >= self.soc_end - 1e-9:
                return

    def _charge_cc_cv(self, charge: _Charge, protocol: CCCV) -> None:
        """Constant current to the voltage limit, then the current that holds it."""
        left = 3600 * (self.soc_end - charge.soc) / protocol.c_rate
        trial = self._try(charge, protocol.c_rate, left)[1]
        above = np.flatnonzero(trial["voltage"] > protocol.voltage_limit_v)
        if above.size == 0:
            self._step(charge, protocol.c_rate, left)
            return
        seconds = _crossing(trial["time"], trial["voltage"], protocol.voltage_limit_v)
        if seconds > 0:
            self._step(charge, protocol.c_rate, seconds)
        rate = protocol.c_rate
        for _ in range(MAX_CV_STEPS):
            rate = self._holding_rate(charge, rate, protocol.voltage_limit_v)
            if rate < protocol.cutoff_c_rate:
                return
            left = 3600 * (self.soc_end - charge.soc) / rate
            self._step(charge, rate, min(CV_STEP_S, left))
            if charge.soc >= self.soc_end - 1e-9:
                return
        raise ChargeError(FailureKind.ENDED_EARLY, f"the voltage phase took over {MAX_CV_STEPS} steps")

    def _holding_rate(self, charge: _Charge, rate: float, limit_v: float) -> float:
        """C-rate whose next step ends at the voltage limit, within a millivolt: secant steps from the last rate."""
        low, high = 0.98 * rate, rate
        gap_high = self._gap(charge, high, limit_v)
        for _ in range(8):
            if abs(gap_high) < CV_TOLERANCE_V:
                return high
            gap_low = self._gap(charge, low, limit_v)
            slope = (gap_high - gap_low) / (high - low)
            low, high = high, max(high - gap_high / slope, 1e-3)
            gap_high = self._gap(charge, high, limit_v)
        raise ChargeError(FailureKind.SOLVER_FAILED, f"no current holds {limit_v} V")

    def _gap(self, charge: _Charge, rate: float, limit_v: float) -> float:
        """How far a step at some C-rate ends above the voltage limit."""
        return float(self._try(charge, rate, CV_STEP_S)[1]["voltage"][-1] - limit_v)

    def _step(self, charge: _Charge, rate: float, seconds: float) -> None:
        """Charge at one current for some time."""
        solution, values = self._try(charge, rate, seconds)
        values["soc"] = charge.soc + rate * values["time"] / 3600
        values["seconds"] = charge.seconds + values["time"]
        values["rate"] = np.full(len(values["time"]), rate)
        charge.solution = solution
        charge.soc += rate * seconds / 3600
        charge.seconds += seconds
        charge.parts.append(values)

    def _try(self, charge: _Charge, rate: float, seconds: float) -> tuple[Any, dict[str, Array]]:
        """Solve one step, and leave the charge as it was."""
        inputs = {"Current function [A]": -rate * self.capacity_ah}
        try:
            solution = self._solver.step(
                charge.solution,
                self._model,
                seconds,
                t_eval=np.array([0.0, seconds]),
                inputs=inputs,
                save=False,
            )
        except self._solver_error as error:
            raise ChargeError(FailureKind.SOLVER_FAILED, f"at {rate:.3g}C: {str(error)[:200]}") from None
        if solution.termination != "final time":
            text = f"at {rate:.3g}C, SOC {charge.soc:.2f}: {solution.termination}"
            raise ChargeError(FailureKind.ENDED_EARLY, text)
        values = self._read(solution, inputs["Current function [A]"])
        values["time"] = np.asarray(solution.t, float) - float(solution.t[0])
        _check_physical(values, rate)
        return solution, values

    def _read(self, solution: Any, current_a: float) -> dict[str, Array]:
        """All outputs at the solver's time points, by one compiled function."""
        import casadi

        states = solution.y.full() if hasattr(solution.y, "full") else np.asarray(solution.y)
        times = np.asarray(solution.t, float)
        function = self._outputs.map(len(times))
        found = function(casadi.DM(times).T, casadi.DM(states), casadi.DM.ones(1, len(times)) * current_a).full()
        values, row = {}, 0
        for key, size in self._sizes.items():
            block = found[row : row + size]
            values[key] = block[0] if size == 1 else block
            row += size
        return values

    def _result(self, label: str, charge: _Charge, keep_trace: bool) -> ChargeResult:
        """Numbers of a charge that went to its end."""
        values = charge.joined()
        margin = 1000 * np.minimum(values["anode"].min(axis=0), values["anode_separator"])
        reached = charge.soc >= self.soc_end - 1e-6
        plating = values["plated_and_dead"][-1] - values["plated_and_dead"][0]
        lithium = values["dead"][-1] + values["plated"][-1]
        dead = plating * values["dead"][-1] / lithium if lithium > 0 else 0.0
        sei = values["sei"][-1] - values["sei"][0]
        trace = pd.DataFrame(
            {
                "time_min": values["seconds"] / 60,
                "soc": values["soc"],
                "c_rate": values["rate"],
                "voltage_v": values["voltage"],
                "temperature_c": values["temperature"] - 273.15,
                "plating_margin_mv": margin,
            }
        )
        return ChargeResult(
            label=label,
            reached=bool(reached),
            time_to_80_min=charge.seconds / 60 if reached else float("nan"),
            soc_end=float(charge.soc),
            plating_margin_mv=float(margin.min()),
            temperature_max_c=float(values["temperature"].max() - 273.15),
            voltage_max_v=float(values["voltage"].max()),
            capacity_lost_mah=float(1000 * (sei + dead)),
            plated_mah=float(1000 * (plating - dead)),
            trace=trace if keep_trace else None,
        )


def _output_function(model: Any) -> tuple[Any, dict[str, int]]:
    """One casadi function of time, state and current that returns every output, and the size of each."""
    import casadi

    time, current = casadi.MX.sym("time"), casadi.MX.sym("current")
    state = casadi.MX.sym("state", model.len_rhs_and_alg)
    inputs = {"Current function [A]": current}
    columns = {
        key: model.get_processed_variable(name).to_casadi(time, state, inputs=inputs) for key, name in OUTPUTS.items()
    }
    function = casadi.Function("outputs", [time, state, current], [casadi.vertcat(*columns.values())])
    return function, {key: int(column.shape[0]) for key, column in columns.items()}


def _check_physical(values: dict[str, Array], rate: float) -> None:
    """Refuse states that no cell can be in."""
    for key, block in values.items():
        if not np.isfinite(block).all():
            raise ChargeError(FailureKind.UNPHYSICAL, f"at {rate:.3g}C: {key} is not finite")
    for key in ("stoichiometry_n", "stoichiometry_p"):
        low, high = float(values[key].min()), float(values[key].max())
        if low <= 0 or high >= 1:
            text = f"at {rate:.3g}C: {key} at the particles' surface goes from {low:.3g} to {high:.3g}"
            raise ChargeError(FailureKind.UNPHYSICAL, text)
    if (lowest := float(values["electrolyte"].min())) <= 0:
        text = f"at {rate:.3g}C: the electrolyte concentration falls to {lowest:.3g} mol/m3"
        raise ChargeError(FailureKind.UNPHYSICAL, text)


def _crossing(time: Array, voltage: Array, limit: float) -> float:
    """Time at which a voltage first passes a limit, by linear interpolation."""
    after = int(np.flatnonzero(voltage > limit)[0])
    if after == 0:
        return 0.0
    share = (limit - voltage[after - 1]) / (voltage[after] - voltage[after - 1])
    return float(time[after - 1] + share * (time[after] - time[after - 1]))


_WORKER: dict[str, ChargingSimulator] = {}


def simulate_protocols(
    protocols: Sequence[Protocol],
    *,
    cell: str,
    model: str,
    soc_start: float = 0.1,
    soc_end: float = 0.8,
    ambient_c: float = 25.0,
    processes: int = 1,
    keep_traces: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[ChargeResult]:
    """Charge the same cell by many protocols.

    Args:
        protocols: the protocols.
        cell: a declared cell.
        model: "SPMe" or "DFN".
        soc_start: state of charge at the start.
        soc_end: state of charge to reach.
        ambient_c: ambient and initial temperature, °C.
        processes: worker processes, each with a model of its own; results do not depend on it.
        keep_traces: whether to keep the charges over time.
        progress: called with (done, all) after each protocol.

    Returns:
        One result per protocol, in their order.
    """
    settings = (cell, model, soc_start, soc_end, ambient_c)
    results: list[ChargeResult] = []
    if processes <= 1 or len(protocols) < 2:
        if not protocols:
            return results
        simulator = ChargingSimulator(*settings)
        for protocol in protocols:
            results.append(simulator.run(protocol, keep_traces))
            _report(progress, len(results), len(protocols))
        return results
    tasks = [(protocol, keep_traces) for protocol in protocols]
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_build_in_worker, initargs=settings
    ) as pool:
        for result in pool.map(_run_in_worker, tasks, chunksize=4):
            results.append(result)
            _report(progress, len(results), len(protocols))
    return results


def _build_in_worker(*settings: Any) -> None:
    """Build the model once in each worker."""
    _WORKER["simulator"] = ChargingSimulator(*settings)


def _run_in_worker(task: tuple[Protocol, bool]) -> ChargeResult:
    """Charge by this worker's model."""
    return _WORKER["simulator"].run(*task)


def _report(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    """Tell how far it is, in the log every 20 charges and to whoever asked."""
    if done % 20 == 0 or done == total:
        logger.info("%d of %d charges simulated", done, total)
    if progress is not None:
        progress(done, total)
