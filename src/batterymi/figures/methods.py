"""Which model for how many rows: errors relative to the mean, over the rows learned from."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.figures.axes import mark_counts
from batterymi.figures.style import BLACK, COLUMN_IN, GREY, SEQUENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^vDPX*"


def draw_methods(compared: pd.DataFrame, ranked: pd.DataFrame) -> "Figure":
    """Draw one panel for each study, and one for the mean over studies.

    Args:
        compared: errors of each study, size and model.
        ranked: the same over all studies.
    """
    import matplotlib.pyplot as plt

    studies, models = list(compared["study"].unique()), list(ranked["model"].drop_duplicates().sort_values())
    titles = [*studies, "mean over studies"]
    columns = 2
    n_lines = -(-len(titles) // columns)
    size = (2 * COLUMN_IN, 1.9 * n_lines)
    figure, axes = plt.subplots(n_lines, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for axis, title in zip(axes.ravel(), titles, strict=False):
        part = ranked if title == titles[-1] else compared[compared["study"] == title]
        for place, name in enumerate(models):
            own = part[part["model"] == name].sort_values("rows")
            colour = SEQUENCE[place % len(SEQUENCE)] if place < len(SEQUENCE) else BLACK
            style = {"color": colour, "marker": MARKERS[place % len(MARKERS)], "ms": 3, "lw": 1}
            axis.plot(own["rows"], own["ratio"], label=name.replace("_", " "), **style)
        axis.axhline(1, color=GREY, lw=0.8, ls="--")
        axis.set_xscale("log")
        axis.set_title(str(title).replace("_", " "), fontsize=7)
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
