"""Charging a cell in PyBaMM: the one door for every question about fast charging."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.simulators.cells import find_cell
from batterymi.simulators.outcome import ChargeError, ChargeResult, FailureKind
from batterymi.simulators.protocols import CCCV, FourStep, Protocol, Timed
from batterymi.simulators.readout import CURRENT, Readout, check_physical, summarise_charge

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
CV_TRIES = 12
MAX_CV_STEPS = 1200
SMALLEST_SLOPE_V = 1e-4


@dataclass
class _Charge:
    """A charge under way: the solver's last solution, and everything that was put out so far."""

    solution: Any
    soc: float
    seconds: float = 0.0
    parts: list[dict[str, Array]] = field(default_factory=list)

    def joined(self) -> dict[str, Array]:
        """Outputs of all steps, one after the other along the last axis."""
        return {key: np.concatenate([part[key] for part in self.parts], axis=-1) for key in self.parts[0]}


@dataclass(frozen=True)
class _Step:
    """A step that was solved, and may yet be taken."""

    rate: float
    seconds: float
    solution: Any
    values: dict[str, Array]

    @property
    def voltage_end(self) -> float:
        """Voltage at its end."""
        return float(self.values["voltage"][-1])


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
        self._readout = Readout(self._model)

    def run(self, protocol: Protocol, keep_trace: bool = False) -> ChargeResult:
        """Charge the cell from its initial state.

        Args:
            protocol: how.
            keep_trace: whether to keep the charge over time.

        Returns:
            The result; a failed charge is a result too, and raises nothing.
        """
        charge = _Charge(None, self.soc_start)
        try:
            if isinstance(protocol, FourStep):
                self._charge_by_soc(charge, protocol)
            elif isinstance(protocol, Timed):
                self._charge_by_time(charge, protocol)
            else:
                self._charge_cc_cv(charge, protocol)
        except ChargeError as error:
            return ChargeResult(protocol.label, failure=error.kind.value, message=str(error))
        return summarise_charge(
            protocol.label,
            charge.joined(),
            soc=charge.soc,
            seconds=charge.seconds,
            reached=charge.soc >= self.soc_end - 1e-6,
            keep_trace=keep_trace,
        )

    def _charge_by_soc(self, charge: _Charge, protocol: FourStep) -> None:
        """Equal steps of state of charge; each step's time follows from its current."""
        width = (self.soc_end - self.soc_start) / len(protocol.c_rates)
        for rate in protocol.c_rates:
            _take(charge, self._solve(charge, rate, 3600 * width / rate))

    def _charge_by_time(self, charge: _Charge, protocol: Timed) -> None:
        """Steps of given time, ended by the state of charge to reach."""
        for rate, minutes in protocol.segments:
            _take(charge, self._solve(charge, rate, min(60 * minutes, self._seconds_left(charge, rate))))
            if charge.soc >= self.soc_end - 1e-9:
                return

    def _charge_cc_cv(self, charge: _Charge, protocol: CCCV) -> None:
        """Constant current to the voltage limit, then the current that holds it."""
        if self._charge_to_voltage(charge, protocol.c_rate, protocol.voltage_limit_v):
            return
        rate, slope_v = protocol.c_rate, None
        for _ in range(MAX_CV_STEPS):
            step, slope_v = self._hold(charge, rate, slope_v, protocol.voltage_limit_v)
            if step is None or step.rate < protocol.cutoff_c_rate:
                _refuse_empty(charge, protocol)
                return
            rate, left = step.rate, self._seconds_left(charge, step.rate)
            _take(charge, step if step.seconds <= left else self._solve(charge, rate, left))
            if charge.soc >= self.soc_end - 1e-9:
                return
        raise ChargeError(FailureKind.ENDED_EARLY, f"the voltage phase took over {MAX_CV_STEPS} steps")

    def _charge_to_voltage(self, charge: _Charge, rate: float, limit_v: float) -> bool:
        """Charge at constant current to a voltage, and say whether the state of charge to reach came first.

        A current may carry the cell into states beyond the limit that cannot be solved, so the time is halved until it
        can.
        """
        seconds = self._seconds_left(charge, rate)
        while charge.soc < self.soc_end - 1e-9:
            try:
                step = self._solve(charge, rate, seconds)
            except ChargeError:
                if seconds < CV_STEP_S:
                    raise
                seconds /= 2
                continue
            if step.values["voltage"].max() > limit_v:
                crossing = _crossing(step.values["time"], step.values["voltage"], limit_v)
                if crossing > 0:
                    _take(charge, self._solve(charge, rate, crossing))
                return False
            _take(charge, step)
            seconds = min(seconds, self._seconds_left(charge, rate))
        return True

    def _hold(
        self, charge: _Charge, rate: float, slope_v: float | None, limit_v: float
    ) -> tuple[_Step | None, float | None]:
        """The step that ends at the voltage limit within a millivolt, by the secant method.

        Args:
            charge: where it starts.
            rate: C-rate of the step before, which is also the highest.
            slope_v: voltage per C-rate as the step before left it, or None to measure it.
            limit_v: voltage to hold.

        Returns:
            The step, or None if even no current stays below the limit; and the slope for the step after.
        """
        last = self._solve(charge, rate, CV_STEP_S)
        if slope_v is None:
            slope_v = _slope(last, self._solve(charge, 0.98 * rate, CV_STEP_S))
        for _ in range(CV_TRIES):
            gap = last.voltage_end - limit_v
            wanted = min(last.rate - gap / slope_v, rate)
            if abs(gap) < CV_TOLERANCE_V or wanted == last.rate:
                return last, slope_v
            if wanted <= 0:
                return None, slope_v
            step = self._solve(charge, wanted, CV_STEP_S)
            last, slope_v = step, _slope(step, last)
        raise ChargeError(FailureKind.SOLVER_FAILED, f"no current was found that holds {limit_v} V")

    def _seconds_left(self, charge: _Charge, rate: float) -> float:
        """Time to the state of charge to reach, at some C-rate."""
        return 3600 * (self.soc_end - charge.soc) / rate

    def _solve(self, charge: _Charge, rate: float, seconds: float) -> _Step:
        """Solve one step at constant current, and leave the charge as it was."""
        current_a = -rate * self.capacity_ah
        try:
            solution = self._solver.step(
                charge.solution,
                self._model,
                seconds,
                t_eval=np.array([0.0, seconds]),
                inputs={CURRENT: current_a},
                save=False,
            )
        except self._solver_error as error:
            raise ChargeError(FailureKind.SOLVER_FAILED, f"at {rate:.3g}C: {str(error)[:200]}") from None
        if solution.termination != "final time":
            text = f"at {rate:.3g}C, SOC {charge.soc:.2f}: {solution.termination}"
            raise ChargeError(FailureKind.ENDED_EARLY, text)
        values = self._readout.read(solution, current_a)
        check_physical(values, rate)
        return _Step(rate, seconds, solution, values)


def _take(charge: _Charge, step: _Step) -> None:
    """Go on to the end of a step."""
    values = dict(step.values)
    time = values.pop("time")
    values["soc"] = charge.soc + step.rate * time / 3600
    values["seconds"] = charge.seconds + time
    values["rate"] = np.full(len(time), step.rate)
    charge.solution = step.solution
    charge.soc += step.rate * step.seconds / 3600
    charge.seconds += step.seconds
    charge.parts.append(values)


def _slope(one: _Step, other: _Step) -> float:
    """Voltage at the end per C-rate, from two steps."""
    return max((one.voltage_end - other.voltage_end) / (one.rate - other.rate), SMALLEST_SLOPE_V)


def _refuse_empty(charge: _Charge, protocol: CCCV) -> None:
    """Name a charge that could not even begin."""
    if not charge.parts:
        text = f"the cell is above {protocol.voltage_limit_v} V at every current from {protocol.cutoff_c_rate}C"
        raise ChargeError(FailureKind.ENDED_EARLY, text)


def _crossing(time: Array, voltage: Array, limit: float) -> float:
    """Time at which a voltage first passes a limit, by linear interpolation."""
    after = int(np.flatnonzero(voltage > limit)[0])
    if after == 0:
        return 0.0
    share = (limit - voltage[after - 1]) / (voltage[after] - voltage[after - 1])
    return float(time[after - 1] + share * (time[after] - time[after - 1]))
