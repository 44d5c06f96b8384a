"""The funnel of a screen: who passes which gate, and the best of those that pass all."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.figures.style import BLUE, COLUMN_IN, GREY, RED
from batterymi.vocabulary.units import with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 20


def draw_screen(top: pd.DataFrame, report: dict[str, Any], objective: Objective) -> "Figure":
    """Bars of the candidates left after each gate, and intervals of the best."""
    import matplotlib.pyplot as plt

    shown = top.head(SHOWN)
    height = 0.55 + 0.14 * max(len(shown), 2 * len(report["funnel"]) + 2, 8)
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN_IN, height))
    labels = ["candidates", *(step["gate"] for step in report["funnel"])]
    counts = [report["candidates"], *(step["passed"] for step in report["funnel"])]
    notes = [f"{report['dropped']:,} unreadable" if report["dropped"] else ""]
    notes += [f"{step['unknown']:,} unknown" if step["unknown"] else "" for step in report["funnel"]]
    places = np.arange(len(labels))[::-1]
    left.barh(places, np.maximum(counts, 0.8), color=BLUE, height=0.6)
    for place, count, note in zip(places, counts, notes, strict=True):
        text = f" {count:,}" + (f"  ({note})" if note else "")
        left.text(max(count, 1), place, text, va="center", fontsize=6.5)
    left.set_yticks(places, labels, fontsize=6.5)
    left.set_xscale("log")
    left.set_xlim(0.8, 60 * max(counts))
    left.set_xlabel("Candidates")
    heights = np.arange(len(shown))[::-1]
    for place, row in zip(heights, shown.itertuples(), strict=True):
        colour = BLUE if row.inside else RED
        right.plot([row.lower_95, row.upper_95], [place, place], color=colour, lw=1)
        right.plot(row.predicted, place, "o", color=colour, ms=3)
    right.set_yticks(heights, list(shown["formula"]), fontsize=6)
    right.set_xlabel(with_unit(objective.label, objective.unit))
    if report["mean_prediction"] is not None:
        right.axvline(report["mean_prediction"], color=GREY, ls="--", lw=0.8)
    left.set_title("Candidates that pass each gate, in order", fontsize=6.5)
    right.set_title(
        f"Best {len(shown)}, 95 % intervals; dashed: mean of all scored\n"
        f"{report['model']}, Q² {report['q2']:.2f}, {report['verdict']}",
        fontsize=6,
        loc="right",
    )
    return figure
