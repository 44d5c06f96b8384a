"""A cell on charge, step by step."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.charging.cell_model import CellModel
from batterymi.charging.outcome import ChargeError
from batterymi.charging.readout import integrate_heat, make_trace, measure_charge
from batterymi.charging.state import Reading, Start

PULSE_C, PULSE_S, REST_S = 1.0, 10.0, 1.0
PATIENT_S = 10.0  # steps shorter than this are worth the other solvers
SHORTEST_S = 1e-6


@dataclass(frozen=True)
class Step:
    """A step that was solved and is not necessarily taken.

    Attributes:
        rate: its C-rate.
        seconds: its duration.
        state: the model's state vector at its end.
        values: outputs over its time points, with "soc", "seconds" since the charge began and "rate".
    """

    rate: float
    seconds: float
    state: Array
    values: dict[str, Array]

    @property
    def voltage_end(self) -> float:
        """Return the voltage at its end."""
        return float(self.values["voltage"][-1])


class Session:
    """One charge of one cell, from its start.

    Attributes:
        start: the cell's state before.
        soc: present state of charge, from 0 to 1.
        seconds: time since the charge began.
        steps: taken so far.
    """

    def __init__(self, model: CellModel, start: Start) -> None:
        """Put the cell on charge.

        Args:
            model: the built model.
            start: its state.

        Raises:
            ChargeError: if the cell cannot be in that state.
        """
        self._model, self.start = model, start
        self._origin = model.begin(start)
        self._state = self._origin.state
        self.soc, self.seconds, self._heat_j = start.soc, 0.0, 0.0
        self.steps: list[Step] = []
        self._solved: Step | None = None
        # outputs need a solve: the first point of a short rest is the cell before any current
        rest = self.solve(0.0, REST_S)
        self._before = {key: value[..., :1] for key, value in rest.values.items()}
        self._now: Reading | None = None

    @property
    def now(self) -> Reading:
        """Return the cell's reading after the last step, or at rest before the first.

        Raises:
            ChargeError: if the cell cannot take the pulse that measures its resistance at rest.
        """
        # only on demand, since the pulse costs a solve that many charges do not need
        if self._now is None:
            pulse = self.solve(PULSE_C, PULSE_S)
            rest = Step(0.0, 0.0, self._state, self._before)
            self._now = self._make_reading(rest, self._compute_resistance(pulse))
        return self._now

    def seconds_to(self, soc: float, rate: float) -> float:
        """Return the time to a state of charge at a C-rate, s.

        C-rates are in multiples of the nominal capacity, while the state of charge goes by what the cell holds.
        """
        return 3600 * (soc - self.soc) * self._origin.capacity_ah / (rate * self._model.capacity_ah)

    def step(self, rate: float, seconds: float) -> Reading:
        """Charge at constant current.

        Args:
            rate: C-rate, above 0, or 0 to rest.
            seconds: duration, above 0.

        Raises:
            ChargeError: if it cannot be simulated; the session stays as it was.
        """
        return self.commit_step(self.solve(rate, seconds))

    def step_to_voltage(self, rate: float, seconds: float, limit_v: float) -> Reading:
        """Charge at constant current until a voltage or a time is reached, whichever comes first.

        A current may carry the cell into states beyond the voltage that cannot be solved, so the duration is halved
        until it can.

        Args:
            rate: C-rate, above 0.
            seconds: longest duration, above 0.
            limit_v: terminal voltage that ends the step.

        Returns:
            What is read at the end, with the extremes of the whole step; the last reading where the cell is above the
            voltage already.

        Raises:
            ChargeError: if it cannot be simulated.
        """
        end, share, readings = self.seconds + seconds, seconds, list[Reading]()
        while (left := end - self.seconds) > SHORTEST_S:
            share = min(share, left)
            try:
                step = self.solve(rate, share, patient=share < PATIENT_S)
            except ChargeError:
                if share < PATIENT_S:
                    raise
                share /= 2
                continue
            crossing = _find_crossing(step, limit_v)
            if crossing is None:
                readings.append(self.commit_step(step))
                continue
            # a start at or above the limit leaves no time for a step
            if crossing > 0:
                readings.append(self.step(rate, crossing))
            break
        return _join_readings(readings) if readings else self.now

    def peek(self, rate: float, seconds: float) -> Reading:
        """Return what a step would lead to, without taking it; errors as those of `step`."""
        return self._make_reading(self.solve(rate, seconds))

    def solve(self, rate: float, seconds: float, patient: bool = True) -> Step:
        """Solve a step, without changing the session's state.

        Args:
            rate: C-rate, at least 0.
            seconds: duration, above 0.
            patient: whether to try other solvers where the usual one fails.

        Raises:
            ChargeError: if it cannot be simulated.
        """
        if not (0 <= rate < np.inf and 0 < seconds < np.inf):
            raise ValueError(f"a step needs a C-rate of at least 0 and a duration above 0, found {rate} and {seconds}")
        # a peek is often followed by the same step, which then needs no second solve
        if self._solved and (self._solved.rate, self._solved.seconds) == (rate, seconds):
            return self._solved
        try:
            state, values = self._model.solve(self._origin, self._state, rate, seconds, patient)
        except ChargeError as error:
            raise ChargeError(error.kind, f"at {rate:.3g}C from SOC {self.soc:.2f}: {error}") from None
        time = values.pop("time")
        # the charge that flowed is counted, as a charger does (docs/decisions/0011)
        values["soc"] = self.soc + rate * time / 3600 * self._model.capacity_ah / self._origin.capacity_ah
        values["seconds"] = self.seconds + time
        values["rate"] = np.full(len(time), rate)
        self._solved = Step(rate, seconds, state, values)
        return self._solved

    def commit_step(self, step: Step) -> Reading:
        """Advance to the end of a step that was solved from the present state."""
        reading = self._make_reading(step)
        self._state, self.soc = step.state, reading.soc
        self.seconds, self._heat_j = reading.seconds, reading.heat_j
        self.steps.append(step)
        # a solved step is only valid from the state that it began in
        self._now, self._solved = reading, None
        return reading

    def join_steps(self) -> dict[str, Array]:
        """Return the outputs of all steps, concatenated along the last axis."""
        parts = [step.values for step in self.steps] or [self._before]
        return {key: np.concatenate([part[key] for part in parts], axis=-1) for key in parts[0]}

    def trace(self) -> pd.DataFrame:
        """Return the charge over time, at all of the solver's points."""
        return make_trace(self.join_steps())

    def _make_reading(self, step: Step, resistance_mohm: float | None = None) -> Reading:
        """Return the reading at the end of a step."""
        values = step.values
        return Reading(
            seconds=self.seconds + step.seconds,
            soc=float(values["soc"][-1]),
            rate=step.rate,
            voltage_v=step.voltage_end,
            temperature_c=float(values["temperature"][-1] - 273.15),
            resistance_mohm=self._compute_resistance(step) if resistance_mohm is None else resistance_mohm,
            **measure_charge(self._before, values),
            heat_j=self._heat_j + integrate_heat(values),
        )

    def _compute_resistance(self, step: Step) -> float:
        """Compute terminal less open-circuit voltage per current at a step's end, mΩ; over a rest the value before."""
        if step.rate == 0:
            return self.now.resistance_mohm
        gap = float(step.values["voltage"][-1] - step.values["open_circuit"][-1])
        return 1000 * gap / (step.rate * self._model.capacity_ah)


def _find_crossing(step: Step, limit_v: float) -> float | None:
    """Return the time at which a step first passes a voltage, by linear interpolation; None if it does not."""
    time, voltage = step.values["seconds"] - step.values["seconds"][0], step.values["voltage"]
    beyond = np.flatnonzero(voltage > limit_v)
    if len(beyond) == 0:
        return None
    after = int(beyond[0])
    if after == 0:
        return 0.0
    share = (limit_v - voltage[after - 1]) / (voltage[after] - voltage[after - 1])
    return float(time[after - 1] + share * (time[after] - time[after - 1]))


def _join_readings(readings: list[Reading]) -> Reading:
    """Return the last reading with the extremes of all."""
    return replace(
        readings[-1],
        voltage_max_v=max(reading.voltage_max_v for reading in readings),
        temperature_max_c=max(reading.temperature_max_c for reading in readings),
        plating_margin_mv=min(reading.plating_margin_mv for reading in readings),
    )
