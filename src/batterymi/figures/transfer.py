"""Transfer from other ions: whether their rows help, and how many own rows they replace."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.axes import add_note, mark_counts, read_columns
from batterymi.figures.style import BLACK, COLUMN_IN, GREEN, GREY, RED, SEQUENCE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_transfer(results: StudyResults) -> "Figure":
    """Draw the error of every strategy with its interval, and learning curves over own rows."""
    import matplotlib.pyplot as plt

    assert results.transfer is not None
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN_IN, 2.9), width_ratios=(1.0, 1.1))
    _draw_bars(left, results)
    _draw_curves(right, results)
    return figure


def _draw_bars(axis: "Axes", results: StudyResults) -> None:
    """Draw one line per strategy: mean absolute error, 95 % interval, verdict."""
    assert results.transfer is not None
    strategies, unit = results.transfer["strategies"], results.study.objectives[0].unit
    # the first strategy at the top
    heights = np.arange(len(strategies))[::-1]
    for height, strategy in zip(heights, strategies, strict=True):
        verdict = strategy.get("verdict", "baseline")
        colour = {"gain": GREEN, "negative": RED}.get(verdict, GREY)
        axis.plot([strategy["mae_lower"], strategy["mae_upper"]], [height, height], color=colour, lw=2)
        axis.plot(strategy["mae"], height, "o", color=BLACK, ms=4)
        text = f"{strategy['mae']:.2f}: {verdict}"
        add_note(axis, text, (strategy["mae"], height), (0, 5), fontsize=6, ha="center")
    axis.set_yticks(heights, [strategy["strategy"] for strategy in strategies], fontsize=6)
    axis.set(ylim=(-0.5, len(strategies) - 0.2), xlabel=format_label("MAE of held-out rows", unit))
    axis.set_title(f"All {results.transfer['own_rows']} own rows, {results.transfer['model']}", fontsize=7)


def _draw_curves(axis: "Axes", results: StudyResults) -> None:
    """Draw the error over own rows."""
    assert results.transfer is not None
    points = results.transfer["curves"]
    for colour, name in zip(SEQUENCE, dict.fromkeys(point["strategy"] for point in points), strict=False):
        own = [point for point in points if point["strategy"] == name]
        rows, middle, low, high = read_columns(own, "rows", "mae", "mae_lower", "mae_upper")
        axis.fill_between(rows, low, high, color=colour, alpha=0.12, lw=0)
        axis.plot(rows, middle, "o-", color=colour, label=name)
    mark_counts(axis, sorted({point["rows"] for point in points}))
    axis.set(xlabel="Own rows learned from", ylabel=format_label("MAE", results.study.objectives[0].unit))
    axis.set_title("Learning curves, 95 % bands over hosts", fontsize=7)
    axis.legend(fontsize=6)
