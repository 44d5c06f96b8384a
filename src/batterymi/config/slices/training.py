"""Settings of the stages `validate_partition` and `train_surrogate`."""

from batterymi.config.external import ExternalTest, OfficialSplit
from batterymi.config.models import Ablation, CrossValidated, Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective, Simplex
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table


class PartitionSettings(Slice):
    """What models learn from, and which are compared."""

    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    ablations: tuple[Ablation, ...]
    surrogate: CrossValidated
    primary_variant: str
    seed: int


class TrainingSettings(PartitionSettings):
    """The same, with what is measured of the selected models, and what their card says."""

    title: str
    surrogate: Surrogate
    simplex: Simplex | None = None
    official_test: OfficialSplit | None = None
    external_test: ExternalTest | None = None
    remarks: tuple[str, ...]
