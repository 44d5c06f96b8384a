"""Levels of fidelity: models of an outcome at one level from evaluations at all, and what each evaluation is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from batterymi.arrays import Array
from batterymi.optimise.engines.models import OutcomeModel
from batterymi.optimise.engines.optimize_acquisition import Acquisition, optimize_acquisition
from batterymi.optimise.space.space import Space

LEVEL_DISTANCE = (
    0.2  # distance of neighbouring levels, in units of the search range: similar unless rows show otherwise
)
LEAST_CORRELATION = 1e-6


@dataclass(frozen=True)
class LevelModel(OutcomeModel):
    """A model of an outcome at one level, from evaluations at all levels; the last input of its process is the level.

    Attributes:
        level: its place among the levels.
    """

    level: int

    def extend_inputs(self, inputs: Array) -> Array:
        """Return inputs with the level beside them."""
        return append_level(inputs, self.level)

    def correlation(self, inputs: Array, level: int) -> Array:
        """Return the correlation of the outcome at another level with that at this one, shape (n,)."""
        both = [append_level(inputs, place) for place in (level, self.level)]
        return self.process.correlation(*both)

    def condition_at(self, inputs: Array, level: int) -> Self:
        """Return the model as if inputs had their predicted means at a level."""
        places = append_level(inputs, level)
        mean, _ = self.process.predict(places)
        return replace(self, process=self.process.condition_on(places, mean))


def append_level(inputs: Array, level: int | Array) -> Array:
    """Return inputs with a level beside them, shape (n, n_inputs + 1)."""
    return np.column_stack([inputs, np.broadcast_to(LEVEL_DISTANCE * np.asarray(level, float), len(inputs))])


def compute_log_correlation(models: Mapping[str, OutcomeModel], inputs: Array, level: int, last: int) -> Array:
    """Return the logarithm of the smallest correlation of any outcome at a level with that at the last, shape (n,)."""
    if level == last:
        return np.zeros(len(inputs))
    found = [model.correlation(inputs, level) for model in models.values() if isinstance(model, LevelModel)]
    return np.log(np.maximum(np.min(found, axis=0), LEAST_CORRELATION))


def weigh_by_cost(
    space: Space, acquire: Acquisition, models: Mapping[str, OutcomeModel], level: int, last: int, cost: float
) -> Acquisition:
    """Return the logarithm of an acquisition value per cost of evaluations at a level.

    An evaluation there is worth what the outcome at the last level would bring, times its correlation with it
    (augmented expected improvement, Huang et al. 2006, doi:10.1007/s00158-005-0587-0).

    Args:
        space: where designs come from.
        acquire: logarithm of the acquisition value of designs at the last level.
        models: of all outcomes.
        level: of the evaluations.
        last: the level whose outcomes count.
        cost: of one evaluation at the level.
    """

    def value(codes: Array) -> Array:
        return acquire(codes) + compute_log_correlation(models, space.inputs(codes), level, last) - np.log(cost)

    return value


def optimize_over_levels(
    space: Space,
    acquisitions: Mapping[int, Acquisition],
    rng: np.random.Generator,
    anchors: Array,
    taken: Mapping[int, Array],
) -> tuple[Array, int] | None:
    """Return the design and level with the largest acquisition value; None if no design is left.

    Args:
        space: where designs come from.
        acquisitions: logarithm of the value per cost at each level; of equal values the first one counts.
        rng: source of randomness.
        anchors: the best designs known, in codes.
        taken: designs not to choose at each level, in codes.

    Returns:
        The design in codes, shape (1, n_features), and the level.
    """
    best: tuple[float, Array, int] | None = None
    for level, acquisition in acquisitions.items():
        design = optimize_acquisition(space, acquisition, rng, anchors, taken[level])
        if design is None:
            continue
        value = float(acquisition(design)[0])
        if best is None or value > best[0]:
            best = (value, design, level)
    return None if best is None else (best[1], best[2])
