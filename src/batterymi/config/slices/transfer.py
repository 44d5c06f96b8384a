"""Settings of the stage `compare_transfer`."""

from batterymi.config.models import Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table
from batterymi.config.transfer import Transfer


class TransferSettings(Slice):
    """What models learn from, and which strategies of transfer are compared."""

    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    transfer: Transfer
    seed: int
