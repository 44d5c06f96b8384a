"""Scales on which outcomes look more normal, so that one deep valley does not dominate the model."""

from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array

POWERS = (0.0, 2.0)  # as strong as a logarithm, on either side
PRIOR_DEVIATION = 0.5  # of the power about 1, which is linear
MIN_VALUES = 8
TINY = 1e-6  # smallest deviation in the outcome's unit, in spreads
LARGEST = 1e6  # largest outcome, in spreads, that the inverse returns


@dataclass(frozen=True)
class Warp:
    """A monotone map of an outcome to mean 0 and deviation 1: standardise, power-transform, standardise.

    Attributes:
        centre: mean of the outcome, subtracted before the power transform.
        spread: its standard deviation, by which it is divided.
        power: of Yeo and Johnson (2000, doi:10.1093/biomet/87.4.954); 1 is linear.
        middle: mean after the power transform.
        width: standard deviation after the power transform.
    """

    centre: float
    spread: float
    power: float = 1.0
    middle: float = 0.0
    width: float = 1.0

    def transform(self, values: Array) -> Array:
        """Transform outcomes to the scale, same shape."""
        return (
            _apply_yeo_johnson((np.asarray(values, float) - self.centre) / self.spread, self.power) - self.middle
        ) / self.width

    def inverse_transform(self, scaled: Array) -> Array:
        """Transform values on the scale back to the outcome's unit, same shape."""
        return self.centre + self.spread * _invert_yeo_johnson(
            self.middle + self.width * np.asarray(scaled, float), self.power
        )

    def untransform_moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Convert mean and variance to the outcome's unit; a median and its spread where the scale is warped."""
        if self.power == 1:
            return self.inverse_transform(mean), (self.spread * self.width) ** 2 * variance
        deviation = np.sqrt(variance)
        # there is no closed form for the variance; half the width of one sigma replaces the deviation
        half = (self.inverse_transform(mean + deviation) - self.inverse_transform(mean - deviation)) / 2
        return self.inverse_transform(mean), np.maximum(half, TINY * self.spread) ** 2

    def compute_derivative(self, values: Array) -> Array:
        """Compute the derivative of the scale with respect to the outcome, same shape."""
        standard = (np.asarray(values, float) - self.centre) / self.spread
        bent = (1 + np.abs(standard)) ** np.where(standard >= 0, self.power - 1, 1 - self.power)
        return bent / (self.spread * self.width)


def fit_standardisation(values: Array) -> Warp:
    """Fit the scale that only standardises values, shape (n,)."""
    return Warp(float(values.mean()), float(values.std()) or 1.0)


def fit_warp(values: Array) -> Warp:
    """Fit the scale on which values look most normal, by posterior density; standardise fewer than 8 only.

    Args:
        values: shape (n,).
    """
    flat = fit_standardisation(values)
    if len(values) < MIN_VALUES or not values.std() > 0:
        return flat
    # few values need none of this, and statistics take a third of a second to import
    from scipy.optimize import minimize_scalar
    from scipy.stats import yeojohnson_llf

    standard = (values - flat.centre) / flat.spread

    def misfit(power: float) -> float:
        # the prior keeps few values from bending the scale
        return -float(yeojohnson_llf(power, standard)) + 0.5 * ((power - 1) / PRIOR_DEVIATION) ** 2

    # rounded, since powers next to 0 lose digits
    power = round(float(minimize_scalar(misfit, bounds=POWERS, method="bounded", options={"xatol": 1e-3}).x), 3)
    bent = _apply_yeo_johnson(standard, power)
    return Warp(flat.centre, flat.spread, power, float(bent.mean()), float(bent.std()) or 1.0)


def _apply_yeo_johnson(standard: Array, power: float) -> Array:
    """Apply the Yeo-Johnson transform."""
    if power == 1:
        return standard
    from scipy.stats import yeojohnson

    return np.asarray(yeojohnson(standard, power), float)


def _invert_yeo_johnson(bent: Array, power: float) -> Array:
    """Invert the Yeo-Johnson transform; values outside its bounded range become the largest that it returns."""
    if power == 1:
        return bent
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        above = _invert_power(1 + power * bent, power, bent) - 1
        below = 1 - _invert_power(1 - (2 - power) * bent, 2 - power, -bent)
    return np.clip(np.where(bent >= 0, above, below), -LARGEST, LARGEST)


def _invert_power(base: Array, power: float, limit: Array) -> Array:
    """Compute a root, or the exponential that it becomes at power 0."""
    # exp(50) avoids overflow and is well beyond the range that is kept
    return np.exp(np.minimum(limit, 50)) if power == 0 else np.maximum(base, 0) ** (1 / power)
