"""Settings of the stages of agents that learn to charge; a training itself takes `batterymi.config.agents.Training`."""

from batterymi.config.slices.base import Slice


class WeightStudySettings(Slice):
    """Seed of the bootstrap, and control steps of the shortest trainings (None: no limit)."""

    seed: int
    steps: int | None
