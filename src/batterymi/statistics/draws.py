"""Drawing without replacement until some of the best are found: exactly, so that random search needs no repeats.

Among n rows in random order the j-th of the k best has the negative hypergeometric distribution (Johnson, Kemp and
Kotz 2005, Univariate Discrete Distributions, 6.2), with mean j (n + 1) / (k + 1).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def compute_expected_draws(n: int, n_best: int, needed: int = 1) -> float:
    """Compute how many of n rows are drawn on average until some of the best are found.

    Args:
        n: rows.
        n_best: how many of them count as best.
        needed: how many of these are to be found.

    Raises:
        ValueError: if there are fewer best rows than needed, or fewer rows than best ones.
    """
    _check_numbers(n, n_best, needed)
    return needed * (n + 1) / (n_best + 1)


def compute_probability_within(n: int, n_best: int, needed: int, draws: int) -> float:
    """Compute the probability that so many draws find as many of the best rows as needed."""
    _check_numbers(n, n_best, needed)
    return float(stats.hypergeom.sf(needed - 1, n, n_best, min(draws, n)))


def find_median_draws(n: int, n_best: int, needed: int = 1) -> int:
    """Return the smallest number of draws that find as many of the best rows as needed in half of all orders."""
    _check_numbers(n, n_best, needed)
    draws = np.arange(needed, n + 1)
    return int(draws[stats.hypergeom.sf(needed - 1, n, n_best, draws) >= 0.5 - 1e-12][0])


def compute_expected_place(values: Array, is_best: Mask, needed: int = 1) -> float:
    """Compute how many rows are taken, largest value first, until some of the best are found.

    Rows of equal value are taken in random order, of which the expectation is exact.

    Args:
        values: what rows are sorted by, shape (n,).
        is_best: shape (n,).
        needed: how many of the best are to be found.

    Raises:
        ValueError: if there are fewer best rows than needed.
    """
    _check_numbers(len(values), int(is_best.sum()), needed)
    taken = 0
    for value in np.unique(values)[::-1]:
        tied = values == value
        n_tied, n_found = int(tied.sum()), int(is_best[tied].sum())
        if n_found >= needed:
            return taken + compute_expected_draws(n_tied, n_found, needed)
        taken, needed = taken + n_tied, needed - n_found
    raise AssertionError("the best rows are among all rows")


def _check_numbers(n: int, n_best: int, needed: int) -> None:
    """Refuse numbers that no pool can have."""
    if not 1 <= needed <= n_best <= n:
        raise ValueError(f"{needed} of {n_best} best rows among {n} cannot be found")
