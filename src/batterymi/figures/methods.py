"""Which model for how many rows: errors relative to the mean, over the rows learned from."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.figures.axes import mark_counts
from batterymi.figures.style import BLACK, COLUMN_IN, GREY, SEQUENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^vDPX*"
COLOURS = (*SEQUENCE, BLACK, GREY)  # one for each model: two lines of one colour cannot be followed where they cross
RATIOS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2)
MOST = 2.0  # a model that is many times worse than the mean would leave no room for the others


def draw_methods(compared: pd.DataFrame, ranked: pd.DataFrame) -> "Figure":
    """Draw one panel for each study, and one for the mean over studies with the number of studies at each size.

    Args:
        compared: errors of each study, size and model.
        ranked: the same over all studies.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    studies, models = list(compared["study"].unique()), list(ranked["model"].drop_duplicates().sort_values())
    titles = [*studies, "mean over studies"]
    columns = 2
    n_lines = -(-len(titles) // columns)
    size = (2 * COLUMN_IN, 2.1 * n_lines)
    figure, axes = plt.subplots(n_lines, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for axis, title in zip(axes.ravel(), titles, strict=False):
        part = ranked if title == titles[-1] else compared[compared["study"] == title]
        for place, name in enumerate(models):
            own = part[part["model"] == name].sort_values("rows")
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            style = {"color": colour, "marker": marker, "ms": 3.5, "lw": 1, "ls": "-" if place % 2 else (0, (4, 1))}
            axis.plot(own["rows"], own["ratio"].clip(upper=MOST), label=name.replace("_", " "), **style)
            for rows, ratio in own.loc[own["ratio"] > MOST, ["rows", "ratio"]].itertuples(index=False):
                edge = (rows, MOST)
                axis.annotate(f"{ratio:.1f}", edge, (0, 3), textcoords="offset points", fontsize=6, ha="center")
        axis.axhline(1, color=BLACK, lw=0.7, ls=":")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(str(title).replace("_", " "), fontsize=7)
    for rows, number in ranked.groupby("rows")["studies"].max().items():
        axis = axes.ravel()[len(titles) - 1]
        axis.text(rows, 0.02, f"{number}", ha="center", fontsize=6, color=BLACK, transform=axis.get_xaxis_transform())
    # a mean over fewer studies is one of other studies
    axis.text(0.98, 0.1, "number of studies:", ha="right", fontsize=6, transform=axis.transAxes)
    # room for these numbers below the smallest error
    axes[0, 0].set_ylim(0.6 * min(MOST, compared["ratio"].min(), ranked["ratio"].min()), 1.15 * MOST)
    axes[0, 0].yaxis.set_major_locator(FixedLocator(RATIOS))
    axes[0, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes[0, 0].yaxis.set_minor_locator(NullLocator())
    for axis in axes.ravel()[len(titles) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        mark_counts(axis, [int(rows) for rows in np.sort(compared["rows"].unique())])
        axis.set_xlabel("Rows learned from")
    for axis in axes[:, 0]:
        axis.set_ylabel("MAE / MAE of the mean")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return figure
