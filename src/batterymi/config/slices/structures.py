"""Settings of the stages of `snakemake structures` and `snakemake graph_pretraining`."""

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


class PretrainingSettings(Slice):
    """How the graph network is pre-trained, and the column of compositions that are left out."""

    structures: Structures
    seed: int


class GainSettings(Slice):
    """How predictions of all partitions are scored."""

    table: Table
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    seed: int
