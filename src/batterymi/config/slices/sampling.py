"""Settings of the stage `sample_table`."""

from batterymi.config.campaign import EvaluatorChoice
from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.config.slices.base import Slice


class SamplingSettings(Slice):
    """How many designs make the table, where they come from, and what evaluates them."""

    n_sampled: int
    features: tuple[Feature, ...]
    objectives: tuple[Objective, ...]
    simplex: Simplex | None
    constraints: tuple[Constraint, ...]
    evaluator: EvaluatorChoice
    seed: int
