"""Pareto-optimal designs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.parts import Objective


def compute_costs(outcomes: pd.DataFrame, objectives: Sequence[Objective]) -> Array:
    """Compute the objectives as columns to minimise, shape (n_designs, n_objectives)."""
    return np.column_stack(
        [
            objective.compute_cost(outcomes[objective.name].to_numpy(float))
            for objective in objectives
            if objective.is_optimised
        ]
    )


def is_pareto_optimal(cost: Array) -> Mask:
    """Return which designs are not dominated.

    One design dominates another if it is nowhere worse and somewhere better. A design that ties another in every
    objective does not dominate it.

    Args:
        cost: shape (n_designs, n_objectives), smaller is better, finite.

    Returns:
        Shape (n_designs,).
    """
    n = len(cost)
    optimal = np.ones(n, dtype=bool)
    # in lexicographic order no later design dominates an earlier one
    order = np.lexsort(cost.T[::-1])
    for position, i in enumerate(order):
        if not optimal[i]:
            continue
        rest = order[position + 1 :]
        rest = rest[optimal[rest]]
        worse = (cost[rest] >= cost[i]).all(axis=1) & (cost[rest] > cost[i]).any(axis=1)
        optimal[rest[worse]] = False
    return optimal
