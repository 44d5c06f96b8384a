"""Settings of the stages that charge cells for a study."""

from batterymi.config.campaign import ChargingChoice
from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.base import Slice


class ReplaySettings(Slice):
    """What designs and objectives are, and how charges are simulated."""

    features: tuple[Feature, ...]
    objectives: tuple[Objective, ...]
    evaluator: ChargingChoice
