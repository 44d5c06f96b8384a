"""Arrhenius fits of conductivities: activation energies with intervals, and what they say of other temperatures.

Thermally activated hops in a crystal give sigma T = A exp(-Ea / kT); many papers fit sigma = A exp(-Ea / kT) instead,
which gives an activation energy that is smaller by about kT. Both forms are offered, and both are reported.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from batterymi.errors import DesignError
from batterymi.statistics.intervals import compute_t_factor

Array = NDArray[np.float64]
Form = Literal["ln(sigma T)", "ln(sigma)"]
FORMS: tuple[Form, Form] = ("ln(sigma T)", "ln(sigma)")
BOLTZMANN_EV_K = 8.617333262e-5  # CODATA 2018
ZERO_CELSIUS_K = 273.15
SIGNIFICANT = 0.05
LEAST_POINTS = 3  # with two points a line has no residual, and so no interval
LEAST_FOR_CURVATURE = 4


@dataclass(frozen=True)
class ArrheniusFit:
    """A line through the logarithms of conductivities over 1/T.

    Attributes:
        form: what was fitted, see the module.
        n: points.
        activation_energy_ev: of the slope.
        low_ev: lower end of its 95 % interval; NaN with two points.
        high_ev: upper end.
        curvature_p: p value of a quadratic term beside the line; NaN with fewer than four points.
        bend_ev: activation energy of the colder half minus that of the hotter half; NaN with fewer than four points.
        residual_decades: standard deviation about the line, in decades; NaN with two points.
    """

    form: Form
    n: int
    activation_energy_ev: float
    low_ev: float
    high_ev: float
    curvature_p: float
    bend_ev: float
    residual_decades: float
    _mean_x: float
    _mean_y: float
    _spread_x: float

    @property
    def is_curved(self) -> bool:
        """Return whether the points bend more than their scatter explains, as at a phase transition."""
        return bool(self.curvature_p < SIGNIFICANT)


@dataclass(frozen=True)
class Prediction:
    """What a fit says of one temperature.

    Attributes:
        conductivity_s_cm: on the line.
        low_s_cm: lower end of the 95 % prediction interval of one more measurement; NaN with two points.
        high_s_cm: upper end.
    """

    conductivity_s_cm: float
    low_s_cm: float
    high_s_cm: float


def fit_arrhenius(temperature_c: Array, conductivity_s_cm: Array, form: Form = "ln(sigma T)") -> ArrheniusFit:
    """Fit a line by least squares.

    Intervals are of Student's t with n - 2 degrees of freedom.

    Args:
        temperature_c: shape (n,).
        conductivity_s_cm: shape (n,).
        form: what is linear in 1/T.

    Raises:
        DesignError: with fewer than two temperatures, or a number that is not finite, not positive or below 0 K.
    """
    kelvin = np.asarray(temperature_c, dtype=float) + ZERO_CELSIUS_K
    sigma = np.asarray(conductivity_s_cm, dtype=float)
    if not (np.isfinite(kelvin).all() and np.isfinite(sigma).all() and (kelvin > 0).all() and (sigma > 0).all()):
        raise DesignError("temperatures must be above -273.15 °C, and conductivities above 0")
    if len(np.unique(kelvin)) < 2:
        raise DesignError(f"{len(np.unique(kelvin))} temperature gives no activation energy; at least two are needed")
    x, y = 1 / kelvin, np.log(sigma * kelvin if form == "ln(sigma T)" else sigma)
    n, mean_x, mean_y = len(x), float(x.mean()), float(y.mean())
    spread = float(((x - mean_x) ** 2).sum())
    slope = float(((x - mean_x) * (y - mean_y)).sum() / spread)
    residual = y - mean_y - slope * (x - mean_x)
    error = float(np.sqrt((residual**2).sum() / (n - 2))) if n >= LEAST_POINTS else float("nan")
    half = BOLTZMANN_EV_K * (compute_t_factor(n - 1) * error / np.sqrt(spread) if n >= LEAST_POINTS else float("nan"))
    energy = -slope * BOLTZMANN_EV_K
    return ArrheniusFit(
        form=form,
        n=n,
        activation_energy_ev=energy,
        low_ev=energy - half,
        high_ev=energy + half,
        curvature_p=_test_curvature(x, y),
        bend_ev=_compute_bend(x, y),
        residual_decades=error / np.log(10),
        _mean_x=mean_x,
        _mean_y=mean_y,
        _spread_x=spread,
    )


def predict_conductivity(fit: ArrheniusFit, temperature_c: float) -> Prediction:
    """Return the conductivity that a fit gives at a temperature, with the interval of one more measurement.

    Beyond the measured temperatures it holds only as long as the mechanism does.

    Args:
        fit: of one series.
        temperature_c: wanted.
    """
    kelvin = temperature_c + ZERO_CELSIUS_K
    distance = 1 / kelvin - fit._mean_x
    center = fit._mean_y - fit.activation_energy_ev / BOLTZMANN_EV_K * distance
    error = fit.residual_decades * np.log(10)
    half = np.nan
    if fit.n >= LEAST_POINTS:
        half = compute_t_factor(fit.n - 1) * error * np.sqrt(1 + 1 / fit.n + distance**2 / fit._spread_x)
    scale = kelvin if fit.form == "ln(sigma T)" else 1.0
    # an interval of three scattered points can be wider than a float
    with np.errstate(over="ignore"):
        low, middle, high = (float(np.exp(value) / scale) for value in (center - half, center, center + half))
    return Prediction(middle, low, high)


def _test_curvature(x: Array, y: Array) -> float:
    """Return the p value of a quadratic term beside the line; NaN where it cannot be tested."""
    n, scaled = len(x), (x - x.mean()) / x.std()
    if n < LEAST_FOR_CURVATURE or len(np.unique(x)) < LEAST_POINTS:
        return float("nan")
    sums = []
    for degree in (1, 2):
        matrix = np.vander(scaled, degree + 1)
        coefficients = np.linalg.lstsq(matrix, y, rcond=None)[0]
        sums.append(float(((y - matrix @ coefficients) ** 2).sum()))
    # on a perfect line the ratio of two rounding errors would say anything
    if sums[0] <= 1e-20 * float((y**2).sum()):
        return 1.0
    if sums[1] <= 1e-20 * float((y**2).sum()):
        return 0.0
    return float(stats.f.sf((sums[0] - sums[1]) / (sums[1] / (n - 3)), 1, n - 3))


def _compute_bend(x: Array, y: Array) -> float:
    """Return the activation energy of the colder half minus that of the hotter one, in eV, the middle in both."""
    if len(x) < LEAST_FOR_CURVATURE:
        return float("nan")
    order = np.argsort(x)
    middle = (len(x) + 1) // 2
    halves = (order[len(x) - middle :], order[:middle])  # large 1/T is cold
    if any(len(np.unique(x[half])) < 2 for half in halves):
        return float("nan")
    cold, hot = (-BOLTZMANN_EV_K * float(np.polyfit(x[half], y[half], 1)[0]) for half in halves)
    return cold - hot
