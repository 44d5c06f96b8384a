"""What an agent observes and does, as numbers for a network: scaled, bounded, alike in training and in use."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.charging.controller import Observation
from batterymi.config.agents import ORACLE, Environment

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class ObservationEncoder:
    """Turns an observation into a vector between -1 and 1.

    Attributes:
        names: quantities, in order.
        low: value of each that becomes -1.
        high: value of each that becomes 1; what lies outside is clipped.
        capacity_ah: nominal capacity. It turns the resistance into the overvoltage at 1C, mV, which is alike for cells
            of any size.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    capacity_ah: float

    def encode(self, observation: Observation, margin_mv: float | None = None) -> Vector:
        """Return the network's input.

        Args:
            observation: what the charger measures.
            margin_mv: plating margin of the last step, for an oracle.

        Returns:
            Shape (n_names,), between -1 and 1.
        """
        values = {
            "soc": observation.soc,
            "voltage": observation.voltage_v,
            "temperature": observation.temperature_c,
            # mΩ times Ah is the overvoltage at 1C in mV, which is alike for cells of any size
            "resistance": observation.resistance_mohm * self.capacity_ah,
            "time": observation.seconds / 60,
            "rate": observation.rate,
            "ambient": observation.ambient_c,
            ORACLE: margin_mv,
        }
        raw = np.array([values[name] for name in self.names], float)
        low, high = np.array(self.low), np.array(self.high)
        # clipped, since the observation space is declared as -1 to 1
        return np.clip(2 * (raw - low) / (high - low) - 1, -1, 1).astype(np.float32)


@dataclass(frozen=True)
class Actions:
    """How a network's output becomes a C-rate.

    Attributes:
        low: smallest C-rate.
        high: largest.
        spacing: "even" in the C-rate, or "ratio": even in its logarithm.
        n: how many C-rates a discrete action chooses from; 0 for a continuous one.
        scale: by what every C-rate is lowered, as far as the smallest.
    """

    low: float
    high: float
    spacing: str
    n: int
    scale: float = 1.0

    @property
    def is_discrete(self) -> bool:
        """Return whether an action is the number of a C-rate."""
        return self.n > 0

    def rate(self, action: float) -> float:
        """Return the C-rate of an action.

        Args:
            action: number of a C-rate, or a value from -1 (smallest) to 1 (largest).
        """
        share = int(action) / (self.n - 1) if self.is_discrete else (min(max(float(action), -1.0), 1.0) + 1) / 2
        # lowered currents stay within the range that the agent was trained with
        return max(self.scale * self._interpolate_rate(share), self.low)

    def _interpolate_rate(self, share: float) -> float:
        """Return the C-rate at a share of the range."""
        if self.spacing == "even":
            return self.low + share * (self.high - self.low)
        return float(self.low * (self.high / self.low) ** share)


def make_encoder(environment: Environment, capacity_ah: float, voltage_max_v: float) -> ObservationEncoder:
    """Make the encoder of what an agent observes in an environment.

    Args:
        environment: settings.
        capacity_ah: nominal capacity of the cell.
        voltage_max_v: voltage of the full cell.
    """
    # fixed ranges rather than running statistics, so that training and use scale alike
    ranges: Mapping[str, tuple[float, float]] = {
        "soc": (0.0, environment.soc_end),
        "voltage": (voltage_max_v - 1.2, voltage_max_v + 0.3),
        "temperature": (0.0, 70.0),
        "resistance": (0.0, 400.0),
        "time": (0.0, environment.time_limit_min),
        "rate": (0.0, environment.c_rates[1]),
        "ambient": (0.0, 60.0),
        ORACLE: (-50.0, 150.0),
    }
    spans = [ranges[name] for name in environment.observe]
    return ObservationEncoder(
        environment.observe, tuple(low for low, _ in spans), tuple(high for _, high in spans), float(capacity_ah)
    )


def make_actions(environment: Environment, kind: str) -> Actions:
    """Make the actions of an agent of the given kind in an environment.

    Args:
        environment: settings.
        kind: "dqn" for a list of C-rates, anything else for a range.
    """
    low, high = environment.c_rates
    return Actions(low, high, environment.spacing, environment.n_c_rates if kind == "dqn" else 0)


def make_fingerprint(
    cell: str, environment: Environment, encoder: ObservationEncoder, actions: Actions
) -> dict[str, Any]:
    """Return everything that a policy's actions depend on, to recognise another environment.

    Args:
        cell: the cell that it charges.
        environment: settings.
        encoder: what it observes.
        actions: what it does.

    Returns:
        Plain values, which JSON holds exactly.
    """
    spec = {"observation": asdict(encoder), "action": asdict(actions)}
    for part in spec.values():
        # JSON would make lists of tuples, and a fingerprint must equal the one read back
        part.update({key: list(value) for key, value in part.items() if isinstance(value, tuple)})
    own = {"soc_end": environment.soc_end, "step_s": environment.step_s, "hold_voltage": environment.hold_voltage}
    return {"cell": cell, **own, **spec}


def list_differences(found: Mapping[str, Any], wanted: Mapping[str, Any], path: str = "") -> list[str]:
    """List in words where two fingerprints differ.

    Args:
        found: fingerprint in a file.
        wanted: required fingerprint; keys that it lacks are not compared.
        path: of keys so far.
    """
    lines: list[str] = []
    for key, value in wanted.items():
        there = found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            lines += list_differences(there, value, f"{path}{key}.")
        elif there != value:
            lines.append(f"{path}{key} is {there!r}, needed is {value!r}")
    return lines
