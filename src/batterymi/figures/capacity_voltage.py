"""Na-ion: capacity over voltage, with the theoretical capacity of each formula."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.figures.axes import add_note
from batterymi.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"O3": BLUE, "P2": ORANGE, "NASICON": GREEN}


def plot_capacity_voltage(results: StudyResults) -> "Figure":
    """Draw rows and new materials over voltage, with theoretical capacities and lines of equal energy."""
    import matplotlib.pyplot as plt

    voltage, target = results.study.features[1], results.study.objectives[0]
    figure, axis = plt.subplots(figsize=(4.6, 3.6))
    _draw_energy_lines(axis)
    table = results.study.table
    formula, ions, name = (str(column) for column in (table.formula_column, table.ions_column, table.id_column))
    for _, row in results.table.iterrows():
        limit = compute_theoretical_capacity(str(row[formula]), float(row[ions]))
        colour = COLOURS.get(row["structure_type"], GREY)
        _draw_material(axis, row[voltage.name], row[target.name], limit, str(row[name]), colour, filled=True)
    for _, row in results.reference_designs.iterrows():
        x, y = row[voltage.name], row[target.name]
        colour = COLOURS.get(row["structure_type"], GREY)
        low, high = row[f"{target.name}_lower_95"], row[f"{target.name}_upper_95"]
        axis.plot([x, x], [low, high], color=colour, lw=0.7)
        _draw_material(axis, x, y, row["theoretical_capacity_mah_g"], row["name"], colour, filled=False)
    for kind, colour in COLOURS.items():
        # an empty line, for its entry in the legend
        axis.plot([], [], "o", color=colour, label=kind)
    axis.plot([], [], "o", color=BLACK, mfc="white", label="predicted, 95 % interval")
    axis.plot([], [], "_", color=BLACK, ms=10, mew=1.4, label="theoretical capacity")
    axis.set(xlim=(2.35, 3.75), ylim=(70, 290), xlabel=voltage.axis_label, ylabel=target.axis_label)
    axis.legend(loc="upper left", fontsize=6, ncols=2, frameon=True, framealpha=0.9)
    best = results.selected.iloc[0]
    axis.set_title(f"{best['model']}: {best['verdict']}", fontsize=7, loc="left")
    return figure


def _draw_material(axis: "Axes", x: float, y: float, limit: float, name: str, colour: str, *, filled: bool) -> None:
    """Draw one material: a dot, its name, and a bar at its theoretical capacity."""
    axis.plot(x, y, "o", color=colour, mfc=colour if filled else "white", ms=5, zorder=3)
    axis.plot(x, limit, "_", color=colour, ms=12, mew=1.6)
    # labels of measured and predicted points go to opposite sides, against overlaps
    offset, side = ((5, -8), "left") if filled else ((-5, 5), "right")
    add_note(axis, name, (x, y), offset, ha=side, fontsize=5.5)


def _draw_energy_lines(axis: "Axes") -> None:
    """Draw lines of equal specific energy."""
    x = np.linspace(2.3, 3.8, 50)
    for energy in (300, 400, 500, 600, 700):
        # mAh/g = (Wh/kg) / V
        axis.plot(x, energy / x, color=GREY, lw=0.4, ls=":")
        axis.annotate(f"{energy} Wh/kg", (3.74, energy / 3.74), fontsize=5.5, color=GREY, ha="right", va="bottom")
