"""Settings of the stages `read_structures`, `compare_structures` and `gather_structures`."""

from batterymi.config.models import Surrogate
from batterymi.config.parts import Objective
from batterymi.config.slices.base import Slice
from batterymi.config.slices.methods import MethodSettings
from batterymi.config.sources import Table
from batterymi.config.structures import Structures


class ReadingSettings(Slice):
    """Where structures are, and which columns say what rows without one look like."""

    structures: Structures


class StructureSettings(MethodSettings):
    """What models learn from, beside structures; the first objective is learned."""


class GainSettings(Slice):
    """How predictions of all partitions are scored."""

    table: Table
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    seed: int
