"""Settings of the stages `read_structures`, `compare_structures` and `gather_structures`."""

from batterymi.config.models import Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table
from batterymi.config.structures import Structures


class ReadingSettings(Slice):
    """Where structures are, and which columns say what rows without one look like."""

    structures: Structures


class StructureSettings(Slice):
    """What models learn from, beside structures; the first objective is learned."""

    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    seed: int


class GainSettings(Slice):
    """How predictions of all partitions are scored."""

    table: Table
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    seed: int
