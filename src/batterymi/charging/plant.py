"""What a charge is run on: simulators of a cell, and sessions that are stepped through."""

from typing import TYPE_CHECKING, Protocol

from batterymi.charging.state import Reading, Start

if TYPE_CHECKING:
    import pandas as pd


class Plant(Protocol):
    """A cell on charge, as far as controllers may access it: they may query what a step would do."""

    def peek(self, rate: float, seconds: float) -> Reading:
        """Return what a step at constant current would give, without taking it."""


class ChargingSession(Plant, Protocol):
    """A cell on charge."""

    @property
    def now(self) -> Reading:
        """The last reading; before the first step a pulse measures the resistance."""

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""

    @property
    def seconds(self) -> float:
        """Time since the charge began."""

    def seconds_to(self, soc: float, rate: float) -> float:
        """Return the time to a state of charge at some C-rate, s."""

    def step(self, rate: float, seconds: float) -> Reading:
        """Charge at constant current."""

    def step_to_voltage(self, rate: float, seconds: float, limit_v: float) -> Reading:
        """Charge at constant current until a voltage or a time is reached."""

    def trace(self) -> "pd.DataFrame":
        """Return the charge over time."""


class Simulator(Protocol):
    """Starts charges of a cell that is built once."""

    voltage_max_v: float
    capacity_ah: float

    def begin(self, start: Start, /) -> ChargingSession:
        """Put a cell on charge."""
