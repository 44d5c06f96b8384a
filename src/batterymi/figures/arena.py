"""The arena's figures of charges: over time, minutes against margin, and violations of the limits."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.figures.axes import add_legend_below, draw_limit, make_panels
from batterymi.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY
from batterymi.vocabulary.controllers import CONTROLLERS, label_controller, order_controllers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = (
    ("c_rate", "Current (C-rate)"),
    ("soc", "State of charge"),
    ("temperature_c", "Temperature (°C)"),
    ("plating_margin_mv", "Plating margin (mV)"),
)
STYLES: dict[str, dict[str, Any]] = {
    "cc_cv_1c": {"color": GREY, "ls": "-", "marker": "o"},
    "chapter_standard": {"color": GREY, "ls": "--", "marker": "v"},
    "chapter_fast": {"color": GREY, "ls": ":", "marker": "^"},
    "chapter_optimized": {"color": GREY, "ls": "-.", "marker": "s"},
    "chapter_phases": {"color": GREY, "ls": (0, (4, 1, 1, 1, 1, 1)), "marker": "D"},
    "cc_cv_safe": {"color": ORANGE, "ls": "-", "marker": "o"},
    "plating_limited": {"color": PURPLE, "ls": "-", "marker": "s"},
    "protocol_nominal": {"color": RED, "ls": "--", "marker": "v"},
    "protocol_robust": {"color": RED, "ls": "-", "marker": "^"},
    "look_ahead": {"color": GREEN, "ls": "-", "marker": "D"},
    "oracle": {"color": BLACK, "ls": ":", "marker": "*"},
}
AGENT_STYLES = (
    {"color": BLUE, "ls": "-", "marker": "P"},
    {"color": SKY, "ls": "-", "marker": "X"},
    {"color": BLUE, "ls": "--", "marker": "p"},
    {"color": SKY, "ls": "--", "marker": "h"},
)


def style_of(name: str, names: list[str]) -> dict[str, Any]:
    """Return colour, line and marker of a controller; agents are blue, in the order of their names.

    Args:
        name: the controller.
        names: all that are drawn.
    """
    if name in STYLES:
        return STYLES[name]
    agents = [agent for agent in sorted(names, reverse=True) if agent not in CONTROLLERS]
    return AGENT_STYLES[agents.index(name) % len(AGENT_STYLES)]


def plot_traces(traces: pd.DataFrame, margin_mv: float, temperature_c: float) -> "Figure":
    """Draw the nominal charge by every controller on one page; agents with all their seeds.

    Args:
        traces: of one cell at one temperature.
        margin_mv: limit of the plating margin.
        temperature_c: limit of the temperature.
    """
    import matplotlib.pyplot as plt

    names = order_controllers(list(traces["controller"].unique()))
    figure, axes = plt.subplots(2, 2, figsize=(7.0, 5.6), sharex=True)
    limits = {"temperature_c": temperature_c, "plating_margin_mv": margin_mv}
    for axis, (column, text) in zip(axes.ravel(), PANELS, strict=True):
        for name in names:
            _draw_trace(axis, traces[traces["controller"] == name], column, name, names)
        draw_limit(axis, limits.get(column), 0.6, color=BLACK)
        axis.set_ylabel(text)
    for axis in axes[1]:
        axis.set_xlabel("Time (min)")
    # an hour at most, or slow charges would squeeze the fast ones
    axes[0, 0].set_xlim(0, min(60.0, float(traces["time_min"].max())))
    add_legend_below(figure, axes[0, 0], 4)
    return figure


def _draw_trace(axis: "Axes", charges: pd.DataFrame, column: str, name: str, names: list[str]) -> None:
    """Draw one controller's charge over time, with thinner lines for several seeds."""
    style = style_of(name, names)
    seeds = charges["seed"].unique()
    width = 1.4 if len(seeds) == 1 else 0.6
    # fixed protocols stay in the background
    width = 0.9 if style["color"] == GREY else width
    for seed in seeds:
        part = charges[charges["seed"] == seed]
        # one entry of the legend per controller, not per seed
        text = label_controller(name) if seed == seeds[0] else None
        axis.plot(part["time_min"], part[column], color=style["color"], ls=style["ls"], lw=width, label=text)


def plot_minutes_and_margin(table: pd.DataFrame) -> "Figure":
    """Draw median minutes with quartiles against each controller's smallest margin, a panel per temperature.

    Args:
        table: rows of one cell.
    """
    figure, axes, names = _make_condition_panels(table, 2.6)
    for axis, condition in zip(axes, table["condition"].unique(), strict=True):
        rows = table[table["condition"] == condition]
        for row in rows.to_dict("records"):
            _draw_point(axis, row, names)
        # below zero even if no charge plates, so that the forbidden band is visible
        bottom = min(-5.0, 1.2 * rows["margin_min_mv"].min())
        axis.axhspan(bottom, 0, color=RED, alpha=0.08, lw=0)
        axis.set_ylim(bottom=bottom)
        axis.axhline(0, color=BLACK, lw=0.6)
        axis.set_xlim(left=0)
        axis.set(title=condition, xlabel="Minutes to 80 % (median, quartiles)", ylabel="Smallest margin (mV)")
    add_legend_below(figure, axes[0], 4 if len(axes) > 1 else 2)
    return figure


def _draw_point(axis: "Axes", row: dict[Any, Any], names: list[str]) -> None:
    """Draw one controller: filled where no charge violates a limit, open otherwise."""
    style = style_of(row["controller"], names)
    middle = row["minutes_median"]
    error_bars = np.array([[middle - row["minutes_q1"]], [row["minutes_q3"] - middle]])
    axis.errorbar(
        [middle],
        [row["margin_min_mv"]],
        # missing quartiles draw no error bar
        xerr=np.nan_to_num(error_bars),
        color=style["color"],
        marker=style["marker"],
        mfc=style["color"] if row["violations"] == 0 else "white",
        ms=5,
        lw=0.8,
        ls="none",
        label=label_controller(row["controller"]),
    )


def plot_violations(table: pd.DataFrame) -> "Figure":
    """Draw the share of charges outside the limits with its 95 % interval, a panel per temperature.

    Args:
        table: rows of one cell.
    """
    figure, axes, names = _make_condition_panels(table, 0.9, 0.17)
    for axis, condition in zip(axes, table["condition"].unique(), strict=True):
        rows = table[table["condition"] == condition].set_index("controller").reindex(names)
        places = np.arange(len(names))[::-1]
        # bars of one controller lie below each other, one for each kind of violation
        left = np.zeros(len(names))
        for kind, colour in (("plating", RED), ("temperature", ORANGE), ("voltage", PURPLE), ("unfinished", GREY)):
            width = 100 * rows[f"share_{kind}"].to_numpy(float)
            axis.barh(places - left, width, height=0.2, color=colour, label=kind)
            left = left + 0.2
        shares = 100 * rows[["violations_lower", "violations", "violations_upper"]].to_numpy(float)
        error_bars = np.abs(np.diff(shares, axis=1)).T
        style: dict[str, Any] = {"color": BLACK, "marker": "o", "ms": 2.5, "lw": 0.8, "ls": "none"}
        axis.errorbar(shares[:, 1], places + 0.2, xerr=error_bars, label="any", **style)
        axis.set_yticks(places - 0.15, [label_controller(name) for name in names])
        axis.set(xlim=(0, 102), title=condition, xlabel="Charges outside a limit (%)")
    add_legend_below(figure, axes[0], 5 if len(axes) > 1 else 2)
    return figure


def _make_condition_panels(
    table: pd.DataFrame, height: float, per_controller: float = 0
) -> "tuple[Figure, list[Axes], list[str]]":
    """Make a panel for each temperature, in two columns; return the controllers too, in their order."""
    n, names = table["condition"].nunique(), order_controllers(list(table["controller"].unique()))
    return *make_panels(n, min(n, 2), 3.6, height + per_controller * len(names), 0.6), names
