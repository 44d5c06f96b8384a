"""Scales on which outcomes look more normal, so that one deep valley does not set the model of all the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import yeojohnson, yeojohnson_llf

Array = NDArray[np.float64]
POWERS = (0.0, 2.0)  # that bend as much as a logarithm, on either side
PRIOR_DEVIATION = 0.5  # of the power about 1, which bends nothing
MIN_VALUES = 8
TINY = 1e-6  # smallest deviation in the outcome's unit, in spreads
LARGEST = 1e6  # spreads beyond which nothing is taken back to the outcome's unit


@dataclass(frozen=True)
class Warp:
    """A rising map of an outcome to a scale of mean 0 and deviation 1: standardised, bent, standardised again.

    Attributes:
        centre: outcome that stands for 0 before bending.
        spread: that stands for 1.
        power: of Yeo and Johnson (2000, doi:10.1093/biomet/87.4.954); 1 bends nothing.
        middle: bent value that stands for 0.
        width: that stands for 1.
    """

    centre: float
    spread: float
    power: float = 1.0
    middle: float = 0.0
    width: float = 1.0

    def forward(self, values: Array) -> Array:
        """Outcomes on the scale, same shape."""
        return (_bend((np.asarray(values, float) - self.centre) / self.spread, self.power) - self.middle) / self.width

    def inverse(self, scaled: Array) -> Array:
        """What stands for values on the scale, in the outcome's unit, same shape."""
        return self.centre + self.spread * _unbend(self.middle + self.width * np.asarray(scaled, float), self.power)

    def back(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Mean and variance in the outcome's unit from those on the scale; where it bends, a median and its spread."""
        if self.power == 1:
            return self.inverse(mean), (self.spread * self.width) ** 2 * variance
        deviation = np.sqrt(variance)
        half = (self.inverse(mean + deviation) - self.inverse(mean - deviation)) / 2
        return self.inverse(mean), np.maximum(half, TINY * self.spread) ** 2

    def slope(self, values: Array) -> Array:
        """Derivative of the scale by the outcome, same shape."""
        standard = (np.asarray(values, float) - self.centre) / self.spread
        bent = (1 + np.abs(standard)) ** np.where(standard >= 0, self.power - 1, 1 - self.power)
        return bent / (self.spread * self.width)


def straight(values: Array) -> Warp:
    """The scale that only standardises values, shape (n,)."""
    return Warp(float(values.mean()), float(values.std()) or 1.0)


def fit_warp(values: Array) -> Warp:
    """The scale on which values look most normal, by posterior density of the power; straight for fewer than 8.

    Args:
        values: shape (n,).
    """
    flat = straight(values)
    if len(values) < MIN_VALUES or not values.std() > 0:
        return flat
    standard = (values - flat.centre) / flat.spread

    def misfit(power: float) -> float:
        return -float(yeojohnson_llf(power, standard)) + 0.5 * ((power - 1) / PRIOR_DEVIATION) ** 2

    # rounded, since powers next to 0 lose digits
    power = round(float(minimize_scalar(misfit, bounds=POWERS, method="bounded", options={"xatol": 1e-3}).x), 3)
    bent = _bend(standard, power)
    return Warp(flat.centre, flat.spread, power, float(bent.mean()), float(bent.std()) or 1.0)


def _bend(standard: Array, power: float) -> Array:
    """Yeo and Johnson's map."""
    return standard if power == 1 else np.asarray(yeojohnson(standard, power), float)


def _unbend(bent: Array, power: float) -> Array:
    """Its inverse; what no outcome stands for, since the map is bounded there, is taken to be far off."""
    if power == 1:
        return bent
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        above = _root(1 + power * bent, power, bent) - 1
        below = 1 - _root(1 - (2 - power) * bent, 2 - power, -bent)
    return np.clip(np.where(bent >= 0, above, below), -LARGEST, LARGEST)


def _root(base: Array, power: float, limit: Array) -> Array:
    """A root, or the exponential that it becomes at power 0."""
    return np.exp(np.minimum(limit, 50)) if power == 0 else np.maximum(base, 0) ** (1 / power)
