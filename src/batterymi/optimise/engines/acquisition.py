"""Acquisition values: expected improvement of one objective or of a front, and the probability of meeting limits.

All are logarithms, since the values fall over hundreds of orders of magnitude and a search needs its slope everywhere
(Ament et al. 2023, arXiv:2310.20708).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from batterymi.arrays import Array
from batterymi.config.goals import Window
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


def compute_h(z: Array) -> Array:
    """Return phi(z) + z Phi(z), the expected amount by which a standard normal variable falls below z."""
    return np.asarray(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z))


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


def compute_log_ehvi(
    means: Array, variances: Array, cells: Cells, windows: Sequence[Window | None] | None = None
) -> Array:
    """Return the logarithm of the volume that a design is expected to add to what a front dominates.

    It is exact for independent outcomes. Within a box the added volume is a product over the objectives, and so is its
    expectation (Daulton et al. 2020, arXiv:2006.05078, without their sampling).

    Args:
        means: shape (n, n_objectives), to minimise; of an objective with a target those of the outcome itself.
        variances: shape (n, n_objectives).
        cells: boxes of the region that the front does not dominate, up to the reference.
        windows: the target of each objective whose cost is the distance to one; None for others, or if none has one.

    Returns:
        Shape (n,), not below -700.
    """
    deviation = np.sqrt(variances)
    volume = np.ones((len(means), len(cells.lower)))
    for j in range(means.shape[1]):
        own = (means[:, j], deviation[:, j], windows[j] if windows else None)
        top, bottom = (_compute_improvement_below(*own, edges[:, j]) for edges in (cells.upper, cells.lower))
        # rounding can make the difference of two nearly equal expectations negative
        volume *= np.maximum(top - bottom, 0)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(volume.sum(axis=1)), FLOOR)


def _compute_improvement_below(mean: Array, deviation: Array, window: Window | None, edges: Array) -> Array:
    """Return the expected amount by which a cost falls below each edge, shape (n, n_edges)."""
    # boxes share edges, so each distinct edge is computed once
    levels, place = np.unique(edges, return_inverse=True)
    if window is not None:
        # no distance is below 0
        levels = np.maximum(levels, 0.0)
        corners = window.high + levels, np.full_like(levels, window.high), window.low, window.low - levels
        parts = [compute_h((corner - mean[:, None]) / deviation[:, None]) for corner in corners]
        return np.asarray(deviation[:, None] * (parts[0] - parts[1] - parts[2] + parts[3]))[:, place]
    z = (levels[None, :] - mean[:, None]) / deviation[:, None]
    with np.errstate(invalid="ignore"):
        amount = deviation[:, None] * (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + z * ndtr(z))
    # at an edge of minus infinity, inf times 0 gives NaN where the limit is 0
    return np.where(np.isneginf(z), 0.0, amount)[:, place]
