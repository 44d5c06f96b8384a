"""What a controller observes of a cell, and what it decides."""

from dataclasses import dataclass
from typing import Protocol

from batterymi.charging.plant import ChargingSession, Plant


@dataclass(frozen=True)
class Observation:
    """What a controller observes of a charge under way: nothing of the anode, and nothing of the cell's age.

    Values are read on access, since the resistance of a cell at rest takes a pulse that most protocols never need.

    Attributes:
        ambient_c: temperature of the surroundings, °C.
    """

    _session: ChargingSession
    ambient_c: float

    @property
    def seconds(self) -> float:
        """Time since the charge began."""
        return self._session.seconds

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self._session.soc

    @property
    def voltage_v(self) -> float:
        """Terminal voltage."""
        return self._session.now.voltage_v

    @property
    def temperature_c(self) -> float:
        """Temperature of the cell."""
        return self._session.now.temperature_c

    @property
    def resistance_mohm(self) -> float:
        """Internal resistance."""
        return self._session.now.resistance_mohm

    @property
    def rate(self) -> float:
        """C-rate of the last step; 0 before the first."""
        return self._session.now.rate


@dataclass(frozen=True)
class Decision:
    """What a controller does next.

    Attributes:
        rate: C-rate, above 0.
        seconds: how long, or None for the control step.
        until_soc: state of charge that ends it, instead of a time.
        until_v: voltage that ends it earlier.
        ceiling_v: voltage that must not be exceeded; the charger's own circuit lowers the current to hold it.
        cutoff_rate: a held current below this ends the charge.
    """

    rate: float
    seconds: float | None = None
    until_soc: float | None = None
    until_v: float | None = None
    ceiling_v: float | None = None
    cutoff_rate: float = 0.0


class Controller(Protocol):
    """Decides step by step; it may remember within a charge and forgets between charges."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Observe the cell before the first step; only an oracle may keep `plant`."""

    def decide(self, observation: Observation) -> Decision | None:
        """Return the next step, or None to end the charge."""
