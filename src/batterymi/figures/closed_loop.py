"""Closed loops: the life of the recommended protocol round by round, and the gain by adaptive choice."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.figures.axes import add_legend_below, make_panels
from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE, PURPLE, RED, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, SKY, GREEN, PURPLE, ORANGE, RED)
MARKERS = "os^Dv<"
LINES = ("-", "-", "-", "-", "--", "--")
SHIFT = 0.06
MANY = 20_000
PANEL_IN, LEGEND_IN = 1.5, 0.9
BARS: dict[str, Any] = {"ms": 3, "lw": 0.9, "elinewidth": 0.7}
NOTE: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 6, "color": GREY}


def draw_closed_loop(runs: pd.DataFrame, comparison: dict[str, Any]) -> "Figure":
    """Draw mean true lives over rounds, a panel per batch size, and below them the gains over random batches.

    Args:
        runs: what loops recommended.
        comparison: lives and gains with intervals.
    """
    runs, comparison, unit = scale_to_readable_units(runs, comparison)
    batches = sorted(runs["batch"].unique())
    figure, (*panels, last) = make_panels(len(batches) + 1, 1, COLUMN_IN, PANEL_IN, LEGEND_IN)
    for axis, batch in zip(panels, batches, strict=True):
        draw_batch(axis, runs[runs["batch"] == batch], comparison)
        axis.set_title(f"{batch} tests a round, {comparison['seeds']} loops", loc="left")
        axis.set(ylim=compute_life_range(runs, comparison), xticks=range(1, comparison["rounds"] + 1))
        axis.set_ylabel(f"True life ({unit})")
    panels[-1].set_xlabel("Rounds done")
    draw_gains(last, comparison["comparisons"], batches, unit)
    add_legend_below(figure, panels[0], 2)
    return figure


def scale_to_readable_units(runs: pd.DataFrame, comparison: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any], str]:
    """Scale the compared rounds and the comparison to cycles or to thousands of cycles; return the unit too.

    Args:
        runs: lives in cycles.
        comparison: lives and gains in cycles.
    """
    runs = runs[runs["round"] <= comparison["rounds"]]
    if comparison["best_life"] < MANY:
        return runs, comparison, "cycles"
    keys = ("gain", "gain_lower", "gain_upper")
    small = [gains | {key: gains[key] / 1000 for key in keys} for gains in comparison["comparisons"]]
    scaled = comparison | {"best_life": comparison["best_life"] / 1000, "comparisons": small}
    return runs.assign(life_cycles=runs["life_cycles"] / 1000), scaled, "1000 cycles"


def draw_batch(axis: "Axes", runs: pd.DataFrame, comparison: dict[str, Any]) -> None:
    """Draw the curves of all methods with 95 % intervals, and the best protocol as a line.

    Args:
        axis: to draw on.
        runs: of one batch size.
        comparison: with the best life.
    """
    for place, method in enumerate(dict.fromkeys(runs["method"])):
        grouped = runs[runs["method"] == method].groupby("round")["life_cycles"]
        # shifted by method, so that intervals do not cover each other
        x, mean, error = grouped.mean().index + SHIFT * (place - 2.5), grouped.mean(), 1.96 * grouped.sem()
        axis.errorbar(x, mean, error, **style_of(place), ls=LINES[place], label=method)
    axis.axhline(comparison["best_life"], color=GREY, lw=0.7, ls=":")
    right_end = (1, comparison["best_life"])
    axis.annotate("best protocol", right_end, (0, -1.5), ("axes fraction", "data"), textcoords="offset points", **NOTE)


def draw_gains(axis: "Axes", comparisons: list[dict[str, Any]], batches: list[int], unit: str) -> None:
    """Draw the gains after the last round over random batches with the same model, with 95 % intervals.

    Args:
        axis: to draw on.
        comparisons: one per batch size and method.
        batches: sizes, from left to right.
        unit: of lives and gains.
    """
    for place, method in enumerate(dict.fromkeys(comparison["method"] for comparison in comparisons)):
        # the baseline has no gain over itself
        rows = [row for row in comparisons if row["method"] == method and row["verdict"] != "the baseline"]
        if rows:
            x = [batches.index(row["batch"]) + 1.6 * SHIFT * (place - 2.5) for row in rows]
            gain, low, high = ([row[key] for row in rows] for key in ("gain", "gain_lower", "gain_upper"))
            axis.errorbar(x, gain, [np.subtract(gain, low), np.subtract(high, gain)], **style_of(place), ls="none")
    axis.axhline(0, color=GREY, lw=0.7)
    axis.set_title("Gain over random batches, same model", loc="left")
    axis.set(xlabel="Tests a round", ylabel=f"Last round ({unit})")
    axis.set_xticks(range(len(batches)), [str(batch) for batch in batches])


def style_of(place: int) -> dict[str, Any]:
    """Return colour, marker and line width of a method."""
    return {"color": COLOURS[place], "marker": MARKERS[place], **BARS}


def compute_life_range(runs: pd.DataFrame, comparison: dict[str, Any]) -> tuple[float, float]:
    """Compute the range of lives to show: from the lowest mean after the first round, if possible, to the best.

    After its first round BayesGap as published recommends what it chose before any test; that point may lie below.

    Args:
        runs: of all batch sizes.
        comparison: with the best life.
    """
    later = runs[runs["round"] > min(1, comparison["rounds"] - 1)]
    lowest = float(later.groupby(["batch", "method", "round"])["life_cycles"].mean().min())
    room = 0.1 * (comparison["best_life"] - lowest)
    return lowest - room, comparison["best_life"] + room
