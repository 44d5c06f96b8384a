"""The result of a charge: numbers, or a typed failure."""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class FailureKind(StrEnum):
    """Why a charge has no result."""

    SOLVER_FAILED = "solver_failed"
    ENDED_EARLY = "ended_early"
    UNPHYSICAL = "unphysical"


class ChargeError(Exception):
    """A charge that could not be simulated to its end."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        """Store the kind of failure beside the message."""
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True)
class ChargeResult:
    """What came of one charge; all numbers are NaN after a failure.

    Attributes:
        label: the protocol.
        reached: whether the target state of charge was reached.
        time_to_80_min: minutes until then, NaN if it was not.
        soc_end: state of charge at the end.
        plating_margin_mv: smallest anode potential against lithium, over the anode and over time; negative: it plates.
        temperature_max_c: highest temperature, °C.
        voltage_max_v: highest voltage.
        capacity_lost_mah: charge lost to SEI growth and to dead lithium.
        plated_mah: charge of plated lithium that can still be stripped, at the end.
        sei_mah: the part of the loss that went into the SEI.
        dead_mah: the part of the loss that is dead lithium.
        heat_j: heat that the cell made.
        failure: empty, or a `FailureKind`.
        message: what the failure was.
        trace: the charge over time, if `keep_trace` was set.
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
    sei_mah: float = float("nan")
    dead_mah: float = float("nan")
    heat_j: float = float("nan")
    # plain text rather than the enum, since results go into tables
    failure: str = ""
    message: str = ""
    trace: pd.DataFrame | None = None
