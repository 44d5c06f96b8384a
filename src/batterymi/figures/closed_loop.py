"""Closed loops: the life of what is recommended, round by round."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE, PURPLE, RED, SKY, house_style, save
from batterymi.files import read_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, SKY, GREEN, PURPLE, ORANGE, RED)
MARKERS = "os^Dv<"
LINES = ("-", "-", "-", "-", "--", "--")
SHIFT = 0.06
PANEL_IN, LEGEND_IN = 1.75, 0.75
NOTE: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 6, "color": GREY}


def plot_closed_loop(runs_path: str, comparison_path: str, figure_path: str) -> None:
    """Draw mean true life of the recommended protocol over rounds, a panel per batch size.

    Args:
        runs_path: what loops recommended.
        comparison_path: the best life there is, and how many rounds a loop has.
        figure_path: SVG to write; a PNG is written beside it.
    """
    runs, comparison = pd.read_csv(runs_path), read_json(comparison_path)
    runs = runs[runs["round"] <= comparison["rounds"]]
    batches = sorted(runs["batch"].unique())
    with house_style():
        import matplotlib.pyplot as plt

        size = (COLUMN_IN, PANEL_IN * len(batches) + LEGEND_IN)
        figure, grid = plt.subplots(len(batches), 1, figsize=size, sharex=True, sharey=True, squeeze=False)
        axes = grid[:, 0]
        for axis, batch in zip(axes, batches, strict=True):
            draw_batch(axis, runs[runs["batch"] == batch], comparison)
            axis.set_title(f"{batch} tests a round", loc="left")
        axes[0].set_ylim(*life_range(runs, comparison))
        figure.supylabel("True life of the recommended protocol (cycles)", fontsize=8)
        axes[-1].set_xlabel(f"Rounds (mean of {comparison['seeds']} loops, 95 % intervals)")
        axes[-1].set_xticks(range(1, comparison["rounds"] + 1))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        target = Path(figure_path)
        save(figure, target.parent, target.stem)


def draw_batch(axis: "Axes", runs: pd.DataFrame, comparison: dict[str, Any]) -> None:
    """Curves of all methods, and the best and the mean protocol as lines.

    Args:
        axis: to draw on.
        runs: of one batch size.
        comparison: with the best and the mean life.
    """
    for place, method in enumerate(dict.fromkeys(runs["method"])):
        grouped = runs[runs["method"] == method].groupby("round")["life_cycles"]
        mean, error = grouped.mean(), 1.96 * grouped.sem()
        axis.errorbar(
            mean.index + SHIFT * (place - 2.5),
            mean,
            error,
            color=COLOURS[place],
            marker=MARKERS[place],
            ls=LINES[place],
            ms=3,
            lw=0.9,
            elinewidth=0.7,
            label=method,
        )
    for life, words in ((comparison["best_life"], "best protocol"), (comparison["mean_life"], "mean protocol")):
        axis.axhline(life, color=GREY, lw=0.7, ls=":")
        axis.annotate(words, (1, life), (0, -1.5), xycoords=("axes fraction", "data"), textcoords="offset points", **NOTE)


def life_range(runs: pd.DataFrame, comparison: dict[str, Any]) -> tuple[float, float]:
    """Lives to show: from the lowest mean, or that of all protocols, to the best.

    Args:
        runs: of all batch sizes.
        comparison: with the best and the mean life.
    """
    lowest = min(runs.groupby(["batch", "method", "round"])["life_cycles"].mean().min(), comparison["mean_life"])
    room = 0.06 * (comparison["best_life"] - lowest)
    return float(np.floor(lowest - room)), float(np.ceil(comparison["best_life"] + room))
