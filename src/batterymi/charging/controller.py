"""What decides the current while a cell is charged."""

from dataclasses import dataclass
from typing import Protocol

from batterymi.charging.state import Reading


@dataclass(frozen=True)
class Observation:
    """What a charger sees: nothing of the anode, and nothing of the cell's age.

    Attributes:
        seconds: since the charge began.
        soc: state of charge, 0 to 1.
        voltage_v: terminal voltage.
        temperature_c: of the cell.
        resistance_mohm: internal resistance.
        rate: C-rate of the last step; 0 before the first.
        ambient_c: of the surroundings.
    """

    seconds: float
    soc: float
    voltage_v: float
    temperature_c: float
    resistance_mohm: float
    rate: float
    ambient_c: float

    @classmethod
    def of(cls, reading: Reading, ambient_c: float) -> "Observation":
        """What is seen of a reading."""
        return cls(
            reading.seconds,
            reading.soc,
            reading.voltage_v,
            reading.temperature_c,
            reading.resistance_mohm,
            reading.rate,
            ambient_c,
        )


class Controller(Protocol):
    """A rule that gives the current of every control step.

    It may remember within a charge and forgets between charges, so that scenarios can be run in any order.
    """

    name: str

    def begin(self, seen: Observation) -> None:
        """Forget the last charge, and look at the cell before the first step."""

    def rate(self, seen: Observation) -> float:
        """C-rate of the next control step, above 0."""
