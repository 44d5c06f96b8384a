"""Designs all over a space, from which better ones are searched for by ever smaller steps."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.goals import Limit
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.space import Space

# a power of 2, at which Sobol sequences are balanced
N_SCAN = 4096
N_ROUNDS = 30
N_AROUND = 128


@dataclass(frozen=True)
class Scan:
    """Evaluated designs all over a space, from which better ones are searched for."""

    space: Space
    evaluator: Evaluator
    designs: pd.DataFrame
    outcomes: pd.DataFrame
    rng: np.random.Generator

    def descend(self, cost: Callable[[pd.DataFrame], Array]) -> float:
        """Return the smallest cost over the space: from the best scanned design by ever smaller steps."""
        values = cost(self.outcomes)
        best, lowest = self.designs.iloc[[int(np.nanargmin(values))]], float(np.nanmin(values))
        step_scale = 0.25
        for _ in range(N_ROUNDS):
            around = self.space.perturb(np.repeat(self.space.codes(best), N_AROUND, axis=0), self.rng, step_scale)
            allowed = self.space.frame(around[self.space.allowed(around)])
            if len(allowed):
                found = cost(self.evaluator.evaluate(allowed))
                if np.nanmin(found) < lowest:
                    best, lowest = allowed.iloc[[int(np.nanargmin(found))]], float(np.nanmin(found))
                    continue
            step_scale *= 0.7
        return lowest

    def find_best(self, limit: Limit) -> float:
        """Return the value of a limited outcome that is furthest on the side of the limit."""
        return limit.sign * self.descend(lambda outcomes: limit.sign * outcomes[limit.objective].to_numpy(float))
