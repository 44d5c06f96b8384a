"""What a charge must keep to, in studies, the arena and the training of agents, and what it broke."""

from dataclasses import dataclass, replace
from typing import Protocol

from batterymi.charging.state import Start

# what the solver's tolerance can cause; the plating margin gets no tolerance
VOLTAGE_TOLERANCE_V = 2e-3
TEMPERATURE_TOLERANCE_K = 0.05
KINDS = ("plating", "temperature", "voltage")


class Extremes(Protocol):
    """What limits are compared with; readings of steps have it."""

    @property
    def plating_margin_mv(self) -> float:
        """Smallest anode potential against lithium."""

    @property
    def temperature_max_c(self) -> float:
        """Highest temperature."""

    @property
    def voltage_max_v(self) -> float:
        """Highest voltage."""


@dataclass(frozen=True)
class Limits:
    """Limits of one cell.

    Attributes:
        margin_mv: smallest plating margin.
        temperature_c: highest temperature of a charge that starts cooler.
        voltage_v: highest voltage.
        headroom_k: a charge that starts hot may rise by so much above the hotter of cell and surroundings, since 45 °C
            cannot be kept by a cell that is put on charge at 45 °C.
    """

    margin_mv: float
    temperature_c: float
    voltage_v: float
    headroom_k: float = 0.0

    def adjust_for_start(self, ambient_c: float, initial_c: float) -> "Limits":
        """Return the limits of a charge that starts at some temperature."""
        hottest = max(ambient_c, initial_c)
        return replace(self, temperature_c=max(self.temperature_c, hottest + self.headroom_k), headroom_k=0.0)

    def at(self, start: Start) -> "Limits":
        """Return the limits of a charge from a start."""
        return self.adjust_for_start(start.ambient_c, start.temperature_c)

    def add_reserve(self, margin_mv: float = 0.0, temperature_k: float = 0.0, voltage_v: float = 0.0) -> "Limits":
        """Return tighter limits, for those who plan on a model that is not the cell."""
        return replace(
            self,
            margin_mv=self.margin_mv + margin_mv,
            temperature_c=self.temperature_c - temperature_k,
            voltage_v=self.voltage_v - voltage_v,
        )

    def compute_slacks(self, extremes: Extremes) -> dict[str, float]:
        """Return the distance to each limit in units of 10 mV of margin, 1 K, and 10 mV of voltage.

        Args:
            extremes: of a step or a charge.

        Returns:
            By kind; negative where a limit is broken.
        """
        return {
            "plating": (extremes.plating_margin_mv - self.margin_mv) / 10,
            "temperature": self.temperature_c - extremes.temperature_max_c,
            "voltage": (self.voltage_v - extremes.voltage_max_v) / 0.01,
        }

    def find_broken(self, extremes: Extremes) -> list[str]:
        """Return which limits are broken, beyond what the solver's tolerance can cause in temperature and voltage."""
        slack = self.compute_slacks(extremes)
        least = {"plating": 0.0, "temperature": -TEMPERATURE_TOLERANCE_K, "voltage": -VOLTAGE_TOLERANCE_V / 0.01}
        # `not >=` rather than `<`, so that NaN counts as a violation
        return [kind for kind in KINDS if not slack[kind] >= least[kind]]
