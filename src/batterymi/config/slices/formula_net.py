"""Settings of the stages of the network over formulas."""

from batterymi.config.formula_net import Device, FineTuning
from batterymi.config.models import Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table
from batterymi.config.transfer import Transfer


class PretrainingSettings(Slice):
    """How one encoder is pre-trained; `encoder` is its number, from 1."""

    encoder: int
    width: int
    layers: int
    epochs: int
    batch: int
    pair_epochs: int
    device: Device
    seed: int


class GatheringSettings(Slice):
    """How embeddings become features."""

    components: int
    seed: int


class ChainSettings(Slice):
    """What networks and models of tables learn from in one partition, and from how many own rows."""

    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    transfer: Transfer
    fine_tuning: FineTuning
    seed: int


class CurveSettings(Slice):
    """How the predictions of all partitions and draws are scored."""

    table: Table
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    fine_tuning: FineTuning
    seed: int
