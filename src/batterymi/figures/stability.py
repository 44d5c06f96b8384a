"""The windows of known electrolytes as bars, as papers show them, with the spread of each edge."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, GREEN, GREY, ORANGE, PURPLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"sulfide": ORANGE, "halide": GREEN, "oxide": BLUE, "binary": PURPLE}
EDGES = ("reduction", "oxidation")
NEEDED = ["name", "class", *(f"{kind}{edge}" for edge in EDGES for kind in ("v_", "sd_", "published_v_"))]
LINES = {"Li metal": 0.0, "LiCoO₂, charged to 4.2 V": 4.2}


def draw_windows(compared: pd.DataFrame) -> "Figure":
    """Draw a bar from the reduction to the oxidation edge of each electrolyte, by class, and published edges as ticks.

    Args:
        compared: rows of `compare_windows`.
    """
    import matplotlib.pyplot as plt

    order = {name: number for number, name in enumerate(COLOURS)}
    rows = compared.assign(rank=compared["class"].map(order)).sort_values(
        ["rank", "v_oxidation", "name"], ignore_index=True
    )
    figure, axis = plt.subplots(figsize=(COLUMN_IN * 1.3, 0.19 * len(rows) + 1.0))
    places = -np.arange(len(rows), dtype=float)
    low, high = rows["v_reduction"].to_numpy(float), rows["v_oxidation"].to_numpy(float)
    for name, colour in COLOURS.items():
        chosen = (rows["class"] == name).to_numpy()
        axis.barh(places[chosen], (high - low)[chosen], left=low[chosen], height=0.62, color=colour, label=name)
    ends = ((low, rows["sd_reduction"]), (high, rows["sd_oxidation"]))
    for number, (edge, spread) in enumerate(ends):
        label = "± 1 sd, energies ± 10 meV/atom" if number else None
        axis.errorbar(edge, places, xerr=spread, fmt="none", ecolor=BLACK, elinewidth=0.8, capsize=1.5, label=label)
    for number, name in enumerate(("published_v_reduction", "published_v_oxidation")):
        axis.plot(rows[name], places, "|", color=GREY, ms=9, mew=1.4, label="published" if number else None)
    for label, volts in LINES.items():
        axis.axvline(volts, color=GREY, lw=0.7, ls=":")
        axis.annotate(
            label, (volts, 0.75), fontsize=5.5, color=GREY, ha="left", xytext=(1, 0), textcoords="offset points"
        )
    axis.set_yticks(places, rows["name"].tolist(), fontsize=6)
    axis.set(xlabel="Voltage against Li (V)", ylim=(places[-1] - 0.7, 1.6), xlim=(-0.4, 6.9))
    axis.set_title("Equilibrium windows from formation energies", fontsize=7)
    axis.legend(fontsize=5.5, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    return figure
