"""Settings of the stage `train_surrogate`."""

from batterymi.config.models import Ablation, Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table


class TrainingSettings(Slice):
    """What models learn from, which are compared, and what their card says."""

    title: str
    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    ablations: tuple[Ablation, ...]
    surrogate: Surrogate
    primary_variant: str
    remarks: tuple[str, ...]
    seed: int
