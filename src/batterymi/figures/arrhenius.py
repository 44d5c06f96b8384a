"""Arrhenius plot of conductivities: every series, and the fastest of some families from cold to hot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from batterymi.costing.arrhenius import ZERO_CELSIUS_K, fit_arrhenius, predict_conductivity
from batterymi.costing.conductivities import FAST_S_CM, Series, count_temperatures
from batterymi.figures.axes import add_legend_below
from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAMILIES = {"Thio-LISICON": (BLUE, "o"), "Argyrodite": (RED, "s"), "NASICON": (GREEN, "^"), "Garnet": (ORANGE, "D")}
COLD_C, HOT_C = -30.0, 150.0
TICKS_C = (-30, 25, 150, 300, 600)
RANGE_S_CM = (1e-10, 3.0)


def draw_arrhenius(series: Sequence[Series]) -> "Figure":
    """Draw log σ over 1000/T.

    Args:
        series: of one material and paper each.
    """
    # imported after the style has chosen a backend that needs no display
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(COLUMN_IN, 3.4))
    full = [one for one in series if count_temperatures(one.rows["temperature_c"]) >= 3]
    for one in full:
        axis.plot(*_scale(one), color=GREY, lw=0.4, alpha=0.5)
    for family, (color, marker) in FAMILIES.items():
        members = [one for one in full if one.family == family]
        if members:
            _draw_fit(axis, max(members, key=_predict_cold), color, marker)
    axis.axhline(FAST_S_CM, color=GREY, lw=0.7, ls=":")
    axis.annotate("10⁻³ S/cm", (0.01, FAST_S_CM), xycoords=("axes fraction", "data"), va="bottom", fontsize=6)
    axis.set(yscale="log", ylim=RANGE_S_CM, xlim=(1000 / (700 + ZERO_CELSIUS_K), 4.3))
    axis.set(xlabel="1000/T (1/K)", ylabel="Conductivity (S/cm)")
    top = axis.secondary_xaxis("top", functions=(_to_celsius, _from_celsius))
    top.set_xticks(TICKS_C, [f"{celsius}".replace("-", "−") for celsius in TICKS_C])
    top.set_xlabel("T (°C)")
    add_legend_below(figure, axis, 2)
    return figure


def _draw_fit(axis: "Axes", series: Series, color: str, marker: str) -> None:
    """Draw points of a series, its line from cold to hot, and the prediction intervals at both ends."""
    celsius = series.rows["temperature_c"].to_numpy(float)
    fit = fit_arrhenius(celsius, series.rows["conductivity_s_cm"].to_numpy(float))
    ends = np.array([min(COLD_C, celsius.min()), max(HOT_C, celsius.max())])
    line = [predict_conductivity(fit, value).conductivity_s_cm for value in ends]
    axis.plot(1000 / (ends + ZERO_CELSIUS_K), line, color=color, lw=0.9, ls="--")
    axis.plot(*_scale(series), color=color, marker=marker, ms=3.5, ls="none", label=series.composition)
    for value in (COLD_C, HOT_C):
        found = predict_conductivity(fit, value)
        middle = found.conductivity_s_cm
        error = [[middle - found.low_s_cm], [found.high_s_cm - middle]]
        axis.errorbar(1000 / (value + ZERO_CELSIUS_K), middle, error, color=color, lw=0.8, capsize=2)


def _scale(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """Return 1000/T and conductivities of a series."""
    kelvin = series.rows["temperature_c"].to_numpy(float) + ZERO_CELSIUS_K
    return 1000 / kelvin, series.rows["conductivity_s_cm"].to_numpy(float)


def _predict_cold(series: Series) -> float:
    """Return the conductivity that a series has in the cold."""
    fit = fit_arrhenius(series.rows["temperature_c"].to_numpy(float), series.rows["conductivity_s_cm"].to_numpy(float))
    return predict_conductivity(fit, COLD_C).conductivity_s_cm


def _to_celsius(inverse: ArrayLike) -> np.ndarray:
    """Return °C at 1000/T; at 0, where the axis may probe, a number instead of a division by zero."""
    return 1000 / np.maximum(np.asarray(inverse, dtype=float), 1e-3) - ZERO_CELSIUS_K


def _from_celsius(celsius: ArrayLike) -> np.ndarray:
    """Return 1000/T."""
    return 1000 / np.maximum(np.asarray(celsius, dtype=float) + ZERO_CELSIUS_K, 1e-3)
