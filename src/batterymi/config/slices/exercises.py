"""Settings of the stage `answer_exercises`."""

from batterymi.config.parts import Constraint, Descriptor, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table


class ConductorSettings(Slice):
    """Which descriptors of measured electrolytes conditions are found on; the first objective is bounded."""

    table: Table
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    seed: int


class ExerciseSettings(Slice):
    """What the answers need to know of studies; None for studies that are not in the run."""

    conductors: ConductorSettings | None
    hosts: tuple[Constraint, ...] | None
    charges: tuple[Objective, ...] | None
