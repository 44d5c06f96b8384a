"""Solid electrolytes: conductivity against activation energy, the leak in one figure."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.axes import add_note
from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_conductivity(results: StudyResults) -> "Figure":
    """Draw conductivity over activation energy, with a fitted line and the scores with and without that feature."""
    import matplotlib.pyplot as plt

    rows = results.table
    energy, target = results.study.features[-1], results.study.objectives[0]
    x, y = rows[energy.name].to_numpy(float), rows[target.name].to_numpy(float)
    figure, axis = plt.subplots(figsize=(COLUMN_IN, 3.1))
    # by the Arrhenius law, the logarithm of the conductivity falls linearly with the energy
    slope, offset = np.polyfit(x, y, 1)
    line = np.array([x.min() - 0.01, x.max() + 0.01])
    axis.plot(line, slope * line + offset, color=ORANGE, label=f"least squares, {slope:.1f} per eV")
    axis.plot(x, y, "o", color=BLUE)
    for name, a, b in zip(rows[results.study.table.id_column], x, y, strict=True):
        add_note(axis, str(name), (a, b), (5, 3), fontsize=6.5, color=BLACK)
    axis.axhline(-3, color=GREY, ls="--", lw=0.8)
    add_note(axis, "required: 10⁻³ S/cm", (line[0], -3), (0, -8), fontsize=6.5, color=GREY)
    axis.set(xlabel=energy.axis_label, ylabel=target.axis_label)
    axis.margins(x=0.18)
    lines = [
        f"{row['variant'].replace('_', ' ')}: {row['model']}, Q² {row['q2']:.2f}, {row['verdict'].split(';')[0]}"
        for _, row in results.metrics[results.metrics["selected"]].iterrows()
    ]
    axis.set_title("\n".join(lines), fontsize=6.5, loc="left")
    axis.legend(loc="upper right")
    return figure
