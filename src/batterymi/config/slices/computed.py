"""Settings of the stage `learn_computed_sets`."""

from batterymi.config.computed import ComputedSets
from batterymi.config.slices.base import Slice


class ComputedSettings(Slice):
    """For which rows properties are predicted."""

    computed_sets: ComputedSets
    seed: int
