"""Settings of the stage `compare_methods`."""

from batterymi.config.models import Surrogate
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table

# which are compared; here, since rules list them, and Snakemake starts faster without the libraries of models
MODELS = (
    "ridge",
    "nearest_neighbour",
    "gaussian_process",
    "support_vector",
    "random_forest",
    "extra_trees",
    "histogram_boosting",
    "blend",
)


class MethodSettings(Slice):
    """What models learn from; the first objective is learned."""

    table: Table
    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    seed: int
