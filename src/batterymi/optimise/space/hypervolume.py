"""The hypervolume that a front dominates, and the boxes of the nondominated region."""

from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array
from batterymi.optimise.space.pareto import is_pareto_optimal


@dataclass(frozen=True)
class Cells:
    """Disjoint boxes of the region that a front does not dominate, up to the reference.

    Attributes:
        lower: shape (n_cells, n_objectives); minus infinity where a box is open.
        upper: shape (n_cells, n_objectives).
    """

    lower: Array
    upper: Array


def partition_nondominated(front: Array, reference: Array) -> Cells:
    """Partition the region that a front does not dominate into boxes.

    Local upper bounds are updated point by point, and each carries the points that define it, from which its box
    follows (Lacour, Klamroth and Fonseca 2017, doi:10.1016/j.cor.2016.06.021).

    Args:
        front: shape (n, n_objectives), to minimise; dominated points and points beyond the reference are ignored.
        reference: shape (n_objectives,), the worst values that count.

    Returns:
        At least one box.
    """
    m = len(reference)
    bounds = reference[None, :].copy()
    points = np.full((1, m, m), -np.inf)
    # dummy points define the first local upper bound
    points[0][np.diag_indices(m)] = reference
    inside = front[(front < reference).all(axis=1)] if len(front) else front.reshape(0, m)
    for point in inside[is_pareto_optimal(inside)] if len(inside) else inside:
        dominated = (point < bounds).all(axis=1)
        new_bounds, new_points = [bounds[~dominated]], [points[~dominated]]
        for j in range(m):
            highest = (
                np.delete(points[dominated][:, :, j], j, axis=1).max(axis=1)
                if m > 1
                else np.full(dominated.sum(), -np.inf)
            )
            kept = point[j] >= highest
            bound, defining = bounds[dominated][kept].copy(), points[dominated][kept].copy()
            bound[:, j] = point[j]
            defining[:, j, :] = point
            new_bounds.append(bound)
            new_points.append(defining)
        bounds, points = np.vstack(new_bounds), np.concatenate(new_points)
    lower = np.full_like(bounds, -np.inf)
    for j in range(1, m):
        lower[:, j] = points[:, :j, j].max(axis=1)
    # points that share a coordinate leave boxes without volume
    real = (lower < bounds).all(axis=1)
    return Cells(lower[real], bounds[real])


def compute_hypervolume(front: Array, reference: Array) -> float:
    """Compute the volume that a front dominates.

    Args:
        front: shape (n, n_objectives), to minimise.
        reference: shape (n_objectives,).

    Returns:
        The volume, 0 if no point is better than the reference everywhere.
    """
    inside = front[(front < reference).all(axis=1)] if len(front) else front
    if not len(inside):
        return 0.0
    ideal = inside.min(axis=0)
    cells = partition_nondominated(inside, reference)
    # open boxes have infinite volume, but below the ideal point nothing is dominated
    lower = np.maximum(cells.lower, ideal)
    free = np.maximum(cells.upper - lower, 0).prod(axis=1).sum()
    return float(max((reference - ideal).prod() - free, 0.0))


def select_front(costs: Array, reference: Array, n: int) -> Array:
    """Select a few points that dominate much volume together: one by one, each where it adds most.

    The volume of such a set is at least 1 - 1/e of the largest that n of the points have (Nemhauser, Wolsey and Fisher
    1978, doi:10.1007/BF01588971).

    Args:
        costs: shape (n_points, n_objectives), to minimise.
        reference: shape (n_objectives,).
        n: how many points at most.

    Returns:
        Shape (at most n, n_objectives).
    """
    front = costs[:0]
    for _ in range(min(n, len(costs))):
        cells = partition_nondominated(front, reference)
        added = np.zeros(len(costs))
        for lower, upper in zip(cells.lower, cells.upper, strict=True):
            added += np.maximum(upper - np.maximum(lower, costs), 0).prod(axis=1)
        if added.max() <= 0:
            break
        front = np.vstack([front, costs[added.argmax()]])
    return front


def infer_reference(cost: Array) -> Array:
    """Infer a reference point: a tenth of the range beyond the front's worst values (Ishibuchi et al. 2018).

    Args:
        cost: shape (n, n_objectives), to minimise.

    Returns:
        Shape (n_objectives,).
    """
    front = cost[is_pareto_optimal(cost)]
    if len(front) < 2 or (np.ptp(front, axis=0) <= 0).any():
        front = cost
    spread = np.ptp(front, axis=0)
    return front.max(axis=0) + 0.1 * np.where(spread > 0, spread, np.maximum(np.abs(front).max(axis=0), 1.0))
