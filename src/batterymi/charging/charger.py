"""What runs a charge in the arena: a current, how long it may last, and a voltage that the charger holds."""

from dataclasses import dataclass
from typing import Protocol

from batterymi.charging.controller import Controller, Observation
from batterymi.charging.state import Reading


@dataclass(frozen=True)
class Decision:
    """What a charger does next.

    Attributes:
        rate: C-rate, above 0.
        seconds: how long, or None for the control step.
        until_soc: state of charge that ends it, instead of a time.
        ceiling_v: voltage that must not be passed; the charger's own circuit lowers the current to hold it.
    """

    rate: float
    seconds: float | None = None
    until_soc: float | None = None
    ceiling_v: float | None = None


class Plant(Protocol):
    """A cell on charge, as far as controllers may touch it: they may ask what a step would do."""

    def peek(self, rate: float, seconds: float) -> Reading:
        """What a step at constant current would give, without taking it."""


class Charger(Protocol):
    """Decides step by step; forgets between charges.

    Attributes:
        name: what tables call it.
    """

    name: str

    def begin(self, seen: Observation, plant: Plant) -> None:
        """Look at the cell before the first step; only a charger that reads the truth may keep `plant`."""

    def decide(self, seen: Observation) -> Decision | None:
        """The next step, or None to end the charge."""


@dataclass
class ByController:
    """A controller of plain C-rates, such as a learned policy, as a charger.

    Attributes:
        controller: gives one C-rate per control step.
        name: what tables call it.
        ceiling_v: voltage that the charger's circuit holds, or None for no such circuit.
    """

    controller: Controller
    name: str
    ceiling_v: float | None = None

    def begin(self, seen: Observation, plant: Plant) -> None:
        """Start the controller anew."""
        self.controller.begin(seen)

    def decide(self, seen: Observation) -> Decision:
        """The controller's C-rate for one control step."""
        return Decision(self.controller.rate(seen), ceiling_v=self.ceiling_v)
