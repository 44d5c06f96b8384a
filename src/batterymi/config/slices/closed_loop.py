"""Settings of the stages of the closed loop."""

from typing import Literal

from batterymi.config.slices.base import Slice


class LivesSettings(Slice):
    """The cell whose lives are simulated, and its model."""

    cell: str
    model: Literal["SPMe", "DFN"] = "SPMe"


class LoopSettings(Slice):
    """Size of the closed loop."""

    batches: tuple[int, ...]
    rounds: int
    seeds: int
    seed: int
