"""Computed voltages over capacities that follow from formulas, with lines of equal specific energy."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.style import COLUMN_IN, GREY, SEQUENCE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.splits import SPLIT, TRAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^Dvp*X"


def plot_energy(results: StudyResults) -> "Figure":
    """Draw every row, coloured by host chemical system."""
    import matplotlib.pyplot as plt

    objective = results.study.objectives[0]
    rows = results.table[results.table[SPLIT] == TRAIN]
    figure, axis = plt.subplots(figsize=(COLUMN_IN, 3.2))
    for number, (system, part) in enumerate(rows.groupby("host_system", sort=True)):
        marker, colour = MARKERS[number % len(MARKERS)], SEQUENCE[number % len(SEQUENCE)]
        x, y, label = part["capacity_mah_g"], part[objective.name], f"{system}: {len(part)}"
        axis.plot(x, y, marker, color=colour, ms=3.5, alpha=0.8, label=label)
    low, high = axis.get_ylim()
    # from 20 mAh/g, since the voltage of equal energy diverges at zero capacity
    capacity = np.linspace(max(rows["capacity_mah_g"].min(), 20), rows["capacity_mah_g"].max(), 100)
    for energy in (300, 600, 900, 1200):
        voltage = energy / capacity  # V = (Wh/kg) / (mAh/g)
        axis.plot(capacity, voltage, color=GREY, lw=0.7, ls=":")
        shown = np.flatnonzero((voltage > low) & (voltage < high))
        if shown.size:
            last = shown[-1]
            axis.annotate(f"{energy} Wh/kg", (capacity[last], voltage[last]), fontsize=5.5, color=GREY, ha="right")
    # restored, since the lines of equal energy would enlarge the range
    axis.set(ylim=(low, high), xlabel="Capacity from the formula (mAh/g)", ylabel=objective.axis_label)
    axis.set_title(f"{len(rows)} Li electrodes with Ni, Co, Mn and O only", fontsize=7)
    axis.legend(fontsize=5.5, ncols=2)
    return figure
