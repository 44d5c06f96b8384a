"""Monte Carlo over declared ranges, and how much a result moves with each input alone."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batterymi.costing.inputs import Quantity
from batterymi.errors import DesignError
from batterymi.statistics.intervals import compute_percentile_interval

Array = NDArray[np.float64]
Values = Mapping[str, float]
DRAWS = 10_000
LEVEL = 0.9  # of the intervals of declared ranges: between their 5 and 95 % quantiles


@dataclass(frozen=True)
class Spread:
    """What ranges of the inputs make of a result.

    Attributes:
        value: with every input at its default.
        median: of the draws.
        low: 5 % quantile.
        high: 95 % quantile.
        draws: how many.
    """

    value: float
    median: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class Swing:
    """What one input alone makes of a result.

    Attributes:
        key: of the input.
        at_low: the result with this input at the lower end of its range, the others at their defaults.
        at_high: at the upper end.
    """

    key: str
    at_low: float
    at_high: float

    @property
    def size(self) -> float:
        """Return the distance between both."""
        return abs(self.at_high - self.at_low)


def draw_quantities(quantities: Iterable[Quantity], n: int = DRAWS, seed: int = 0) -> dict[str, Array]:
    """Draw values from triangular distributions with the declared ranges and the modes at the defaults.

    The draws of a quantity depend on its key and the seed alone, so that two cells with a quantity in common share its
    draws, and differences between them stay paired.

    Args:
        quantities: what to draw.
        n: draws of each.
        seed: 0 or more.

    Returns:
        Arrays of shape (n,) by key.

    Raises:
        DesignError: if n is not positive.
    """
    if n < 1:
        raise DesignError(f"draws: {n} is too few; at least 1 is needed")
    found = {}
    for quantity in quantities:
        rng = np.random.default_rng([seed, zlib.crc32(quantity.key.encode())])
        low, high = quantity.low, quantity.high
        # NumPy refuses a triangle without a base
        found[quantity.key] = rng.triangular(low, quantity.value, high, n) if low < high else np.full(n, low)
    return found


def summarise_draws(value: float, draws: Array) -> Spread:
    """Return median and 5 and 95 % quantiles of the draws of a result.

    Args:
        value: the result with every input at its default.
        draws: shape (n,).
    """
    low, high = compute_percentile_interval(draws, LEVEL)
    return Spread(float(value), float(np.median(draws)), low, high, len(draws))


def compute_swings(evaluate: Callable[[Values], float], quantities: Iterable[Quantity]) -> list[Swing]:
    """Move one input at a time through its range, as for a tornado chart.

    Args:
        evaluate: takes a value of each quantity by key.
        quantities: the inputs.

    Returns:
        One entry for each input with a range, the largest swing first; ties in order of the keys.
    """
    known = {quantity.key: quantity for quantity in quantities}
    defaults = {key: quantity.value for key, quantity in known.items()}
    swings = [
        Swing(key, evaluate(defaults | {key: quantity.low}), evaluate(defaults | {key: quantity.high}))
        for key, quantity in known.items()
        if quantity.low < quantity.high
    ]
    return sorted(swings, key=lambda swing: (-swing.size, swing.key))


def find_corner(evaluate: Callable[[Values], float], quantities: Iterable[Quantity], largest: bool = True) -> Values:
    """Return the inputs with which a result is largest or smallest, each at the end of its range that is best alone.

    It is the extreme if the result rises or falls with each input throughout, whatever the others are.

    Args:
        evaluate: takes a value of each quantity by key.
        quantities: the inputs.
        largest: whether the result is to be large.
    """
    known = {quantity.key: quantity for quantity in quantities}
    corner = {key: quantity.value for key, quantity in known.items()}
    for swing in compute_swings(evaluate, known.values()):
        is_high = (swing.at_high > swing.at_low) == largest
        corner[swing.key] = known[swing.key].high if is_high else known[swing.key].low
    return corner
