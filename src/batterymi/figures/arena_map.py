"""The feasibility map: the fastest safe charge of each cell at each starting temperature."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SLOWEST_MIN = 60.0


def plot_feasibility(rows: pd.DataFrame, wanted_min: float) -> "Figure":
    """Draw the minutes and the binding limit per cell and temperature; framed where the wanted time is met.

    Args:
        rows: what `map_feasibility` wrote for all cells.
        wanted_min: the charging time whose feasibility is checked.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    cells, starts = list(rows["cell"].unique()), list(rows["start"].unique())
    values = rows.pivot(index="cell", columns="start", values="minutes").reindex(cells)[starts].to_numpy(float)
    figure, axis = plt.subplots(figsize=(1.3 + 1.15 * len(starts), 0.9 + 0.5 * len(cells)))
    # logarithmic, since minutes span an order of magnitude
    image = axis.imshow(values, cmap="viridis_r", norm=LogNorm(5, SLOWEST_MIN), aspect="auto")
    for row in rows.to_dict("records"):
        _write_field(axis, row, starts.index(row["start"]), cells.index(row["cell"]))
    axis.set_xticks(range(len(starts)), [_format_start(rows, start) for start in starts])
    axis.set_yticks(range(len(cells)), cells)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axis, label="Fastest safe charge (min)", ticks=[5, 10, 20, 40, 60])
    bar.ax.set_yticklabels(["5", "10", "20", "40", "60"])
    bar.ax.minorticks_off()
    axis.set_title(f"10 to 80 %, fresh cell, DFN; framed: {wanted_min:g} min are feasible")
    return figure


def _write_field(axis: Any, row: dict[Any, Any], column: int, line: int) -> None:
    """Write the minutes and the binding limit into a field, and frame it where the wanted time is met."""
    from matplotlib.patches import Rectangle

    minutes = row["minutes"]
    if not np.isfinite(minutes):
        axis.text(column, line, "none found", ha="center", va="center", fontsize=7)
        return
    # the reversed colour map is dark for long charges
    dark = minutes > 22
    text = f"{minutes:.1f}\n{row['binding']}"
    axis.text(column, line, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    if row["feasible"]:
        axis.add_patch(Rectangle((column - 0.46, line - 0.46), 0.92, 0.92, fill=False, lw=1.6, ec="black"))


def _format_start(rows: pd.DataFrame, start: str) -> str:
    """Format a starting temperature for the axis."""
    row = rows[rows["start"] == start].iloc[0]
    if row["initial_c"] == row["ambient_c"]:
        return f"{row['ambient_c']:g} °C"
    return f"cell {row['initial_c']:g} °C\nin {row['ambient_c']:g} °C"
