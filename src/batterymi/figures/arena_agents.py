"""The arena's figures of agents: learning curves, and the current chosen at each state of charge and temperature."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.figures.arena import style_of
from batterymi.figures.axes import add_legend_below
from batterymi.figures.style import BLACK, COLUMN_IN
from batterymi.vocabulary.controllers import label_controller

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = (("validation_reward", "Validation reward"), ("minutes", "Minutes to 80 %"), ("unsafe", "Unsafe charges (%)"))
FEWEST_STEPS = 1
N_SOC, N_TEMPERATURE = 16, 12


def plot_learning(curves: pd.DataFrame) -> "Figure":
    """Draw the median over seeds of the validation results during training, with all seeds in the band.

    Args:
        curves: learning curves of all agents of one cell, with `agent` and `seed`.
    """
    import matplotlib.pyplot as plt

    agents = list(curves["agent"].unique())
    figure, axes = plt.subplots(3, 1, figsize=(COLUMN_IN, 5.2), sharex=True)
    for axis, (column, text) in zip(axes, CURVES, strict=True):
        for agent in agents:
            _draw_curve(axis, curves[curves["agent"] == agent], column, agent, agents)
        axis.set_ylabel(text)
    # very low rewards early in the training would flatten the rest of the curves
    axes[0].set_ylim(bottom=max(-120.0, float(curves["validation_reward"].min())))
    axes[2].set_ylim(-3, 103)
    axes[-1].set_xlabel("Control steps of training")
    add_legend_below(figure, axes[0], 2)
    return figure


def _draw_curve(axis: "Axes", curve: pd.DataFrame, column: str, agent: str, agents: list[str]) -> None:
    """Draw one agent's curve; validations of different seeds that differ by a few steps are put together."""
    step = float(np.median(np.diff(np.sort(curve["steps"].unique())))) if curve["steps"].nunique() > 1 else 1.0
    spacing = max(curve.groupby("seed")["steps"].diff().median(), step) if len(curve) > 1 else step
    # seeds are evaluated at slightly different steps; rounding lines them up for the statistics
    place = (curve["steps"] / spacing).round() * spacing
    factor = 100.0 if column == "unsafe" else 1.0
    grouped = (factor * curve[column]).groupby(place)
    style = style_of(agent, agents)
    axis.fill_between(grouped.min().index, grouped.min(), grouped.max(), color=style["color"], alpha=0.2, lw=0)
    text = f"{label_controller(agent)}, {curve['seed'].nunique()} seeds"
    axis.plot(grouped.median().index, grouped.median(), color=style["color"], ls=style["ls"], label=text)


def plot_policies(steps: pd.DataFrame, names: list[str]) -> "Figure":
    """Draw the mean C-rate over state of charge and temperature, where held-out charges went.

    Args:
        steps: state of charge, temperature and C-rate of every step on the reference model, one cell.
        names: controllers, one panel each.
    """
    import matplotlib.pyplot as plt

    low, high = float(steps["temperature_c"].min()), float(steps["temperature_c"].max())
    # the extra 0.1 K keeps a bin's width above zero if all temperatures are equal
    edges = np.linspace(0, 0.8, N_SOC + 1), np.linspace(low - 0.1, high + 0.1, N_TEMPERATURE + 1)
    # a few extreme steps would use up the colour scale
    most = float(steps["c_rate"].quantile(0.99))
    figure, axes = plt.subplots(len(names), 1, figsize=(COLUMN_IN, 1.75 * len(names) + 0.4), sharex=True, squeeze=False)
    image: Any = None
    for axis, name in zip(axes[:, 0], names, strict=True):
        taken = steps[steps["controller"] == name]
        image = axis.pcolormesh(*edges, _compute_mean_rates(taken, edges).T, cmap="viridis", vmin=0, vmax=most)
        axis.set(title=label_controller(name), ylabel="Temperature (°C)")
        axis.set_facecolor("#E6E6E6")
    axes[-1, 0].set_xlabel("State of charge (grey: no charge came there)")
    bar = figure.colorbar(image, ax=axes[:, 0].tolist(), label="Mean current (C-rate)")
    bar.outline.set_edgecolor(BLACK)
    return figure


def _compute_mean_rates(taken: pd.DataFrame, edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the mean C-rate in each bin, NaN where there are too few steps; shape (n_soc, n_temperature)."""
    where = taken["soc"].to_numpy(float), taken["temperature_c"].to_numpy(float)
    count = np.histogram2d(*where, bins=list(edges))[0]
    total = np.histogram2d(*where, bins=list(edges), weights=taken["c_rate"].to_numpy(float))[0]
    mean = np.full_like(total, np.nan)
    # bins without steps keep NaN, which shows the grey background
    np.divide(total, count, out=mean, where=count >= FEWEST_STEPS)
    return mean
