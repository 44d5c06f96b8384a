"""Acquisition values: expected improvement of one objective or of a front, and the probability of meeting limits.

All are logarithms, since the values fall over hundreds of orders of magnitude and a search needs its slope everywhere
(Ament et al. 2023, arXiv:2310.20708).
"""

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from batterymi.arrays import Array
from batterymi.optimise.space.hypervolume import Cells

FLOOR = -700.0


def compute_log_expected_improvement(mean: Array, variance: Array, best: float) -> Array:
    """Return the logarithm of the expected amount by which a value falls below the best.

    Args:
        mean: shape (n,).
        variance: shape (n,).
        best: smallest value so far.

    Returns:
        Shape (n,), finite.
    """
    deviation = np.sqrt(variance)
    return compute_log_h((best - mean) / deviation) + np.log(deviation)


def compute_log_h(z: Array) -> Array:
    """Return the logarithm of phi(z) + z Phi(z), exact down to z = -1e150."""
    density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    # every branch is computed for all z; overflow in those not chosen is harmless
    with np.errstate(all="ignore"):
        # cancels for negative z, where the other two forms take over
        near = np.log(np.exp(density) + z * ndtr(z))
        # phi + z Phi = phi (1 + z Phi / phi), and Phi / phi = sqrt(pi / 2) erfcx(-z / sqrt(2))
        middle = density + np.log1p(z * np.sqrt(np.pi / 2) * erfcx(-z / np.sqrt(2)))
        # leading term of the asymptotic series; log1p loses all digits there
        tail = density - 2 * np.log(np.abs(z))
    return np.where(z > -1, near, np.where(z > -1e4, middle, tail))


def compute_log_probability_below(mean: Array, variance: Array, limit: float) -> Array:
    """Return the logarithm of the probability that a value is at most a limit, shape (n,)."""
    return log_ndtr((limit - mean) / np.sqrt(variance))


def compute_log_ehvi(means: Array, variances: Array, cells: Cells) -> Array:
    """Return the logarithm of the volume that a design is expected to add to what a front dominates.

    It is exact for independent outcomes. Within a box the added volume is a product over the objectives, and so is its
    expectation (Daulton et al. 2020, arXiv:2006.05078, without their sampling).

    Args:
        means: shape (n, n_objectives), to minimise.
        variances: shape (n, n_objectives).
        cells: boxes of the region that the front does not dominate, up to the reference.

    Returns:
        Shape (n,), not below -700.
    """
    deviation = np.sqrt(variances)
    volume = np.ones((len(means), len(cells.lower)))
    for j in range(means.shape[1]):
        top = _compute_improvement_below(means[:, j], deviation[:, j], cells.upper[:, j])
        # rounding can make the difference of two nearly equal expectations negative
        volume *= np.maximum(top - _compute_improvement_below(means[:, j], deviation[:, j], cells.lower[:, j]), 0)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(volume.sum(axis=1)), FLOOR)


def _compute_improvement_below(mean: Array, deviation: Array, edges: Array) -> Array:
    """Return the expected amount by which a value falls below each edge, shape (n, n_edges)."""
    # boxes share edges, so each distinct edge is computed once
    levels, place = np.unique(edges, return_inverse=True)
    z = (levels[None, :] - mean[:, None]) / deviation[:, None]
    with np.errstate(invalid="ignore"):
        amount = deviation[:, None] * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z))
    # at an edge of minus infinity, inf times 0 gives NaN where the limit is 0
    return np.where(np.isneginf(z), 0.0, amount)[:, place]
