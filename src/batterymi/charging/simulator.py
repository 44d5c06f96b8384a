"""Charging a cell in PyBaMM: the one entry point for fast-charging simulations."""

import math
from dataclasses import dataclass

from batterymi.charging.cell_model import MESH, OPTIONS, CellModel
from batterymi.charging.cells import find_cell
from batterymi.charging.charge_loop import Terms
from batterymi.charging.outcome import ChargeError, ChargeResult
from batterymi.charging.protocol_runs import follow_protocol
from batterymi.charging.protocols import Protocol
from batterymi.charging.readout import integrate_heat, make_trace, measure_charge
from batterymi.charging.session import Session
from batterymi.charging.state import Start

__all__ = ["MESH", "OPTIONS", "ChargingSimulator"]


@dataclass(frozen=True)
class ChargeSetup:
    """A cell, its model, and between which states it is charged.

    Attributes:
        cell: a declared cell.
        model: "SPMe", or "DFN" for reference.
        soc_start: state of charge at the start.
        soc_end: state of charge to reach.
        ambient_c: ambient and initial temperature, °C.
    """

    cell: str = "power_cell"
    model: str = "SPMe"
    soc_start: float = 0.1
    soc_end: float = 0.8
    ambient_c: float = 25.0

    def build(self) -> "ChargingSimulator":
        """Build the model."""
        return ChargingSimulator(self.cell, self.model, self.soc_start, self.soc_end, self.ambient_c)


class ChargingSimulator:
    """A cell model that is built once and charged many times, from any state.

    The current is an input of the model, and so are the temperatures and the lithium it begins with, so that neither a
    new protocol nor a new start needs a new model. The solver's own time points, which lie closer where the state
    changes faster, are the sampling: against points 2.6 times as dense the smallest plating margin of a
    2C-1.5C-1C-0.8C charge moves by less than 0.1 mV.
    """

    def __init__(
        self,
        cell: str = "power_cell",
        model: str = "SPMe",
        soc_start: float = 0.1,
        soc_end: float = 0.8,
        ambient_c: float = 25.0,
        fineness: int = 1,
    ) -> None:
        """Build the model.

        Args:
            cell: a declared cell.
            model: "SPMe", or "DFN" for reference.
            soc_start: default state of charge at the start, 0 to 1.
            soc_end: default target state of charge.
            ambient_c: default ambient and initial temperature, °C.
            fineness: factor on the points of the mesh; each increment divides the tolerances by ten.

        Raises:
            ValueError: for an unknown cell or model, or a charge that does not go up.
        """
        if model not in ("SPMe", "DFN"):
            raise ValueError(f"'{model}' is not a model; use SPMe or DFN")
        if fineness < 1:
            raise ValueError(f"fineness must be at least 1, found {fineness}")
        self.start, self.soc_end = Start(soc=soc_start, ambient_c=ambient_c), soc_end
        _check_soc_rises(self.start, soc_end)
        self.cell, self.model = find_cell(cell), model
        self._model = CellModel(self.cell, model, fineness)
        self.capacity_ah = self._model.capacity_ah
        self.voltage_max_v = self.cell.voltage_limits_v[1]

    def begin(self, start: Start | None = None) -> Session:
        """Put the cell on charge, to be continued step by step.

        Args:
            start: its state; None for the simulator's own.

        Raises:
            ChargeError: if the cell cannot be in that state.
        """
        return Session(self._model, self.start if start is None else start)

    def run(
        self, protocol: Protocol, start: Start | None = None, soc_end: float | None = None, keep_trace: bool = False
    ) -> ChargeResult:
        """Charge the cell by a protocol.

        Args:
            protocol: to charge by.
            start: the cell's state before; None for the simulator's own.
            soc_end: target state of charge; None for the simulator's own.
            keep_trace: whether to keep the charge over time.

        Returns:
            The result; a failed charge is a result too and does not raise an error.
        """
        start = self.start if start is None else start
        soc_end = self.soc_end if soc_end is None else soc_end
        _check_soc_rises(start, soc_end)
        try:
            # within the try, since a cell may fail at its very start
            session = self.begin(start)
            follow_protocol(session, protocol, soc_end)
        except ChargeError as error:
            # a result, not an error: a batch of charges goes on after one that fails
            return ChargeResult(protocol.label, failure=error.kind.value, message=str(error))
        values, reached = session.join_steps(), Terms.for_protocol(soc_end).is_reached(session.soc)
        return ChargeResult(
            label=protocol.label,
            reached=reached,
            time_to_80_min=session.seconds / 60 if reached else math.nan,
            soc_end=session.soc,
            **measure_charge(values, values),
            heat_j=integrate_heat(values),
            trace=make_trace(values) if keep_trace else None,
        )


def _check_soc_rises(start: Start, soc_end: float) -> None:
    """Raise an error unless the state of charge rises."""
    if not start.soc < soc_end <= 1:
        raise ValueError(f"state of charge must rise within 0 to 1, found {start.soc} to {soc_end}")
