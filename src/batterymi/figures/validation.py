"""How far a study's model can be trusted: ways to split, calibration, distance, learning curve."""

from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.figures.axes import add_note, make_panels, mark_counts, read_columns
from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, GREEN, GREY, ORANGE, RED
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_validation(results: StudyResults) -> "Figure":
    """Draw up to four panels for the first objective; a panel without results is left out."""
    objective = next(o for o in results.study.objectives if o.name in results.validation["objectives"])
    found, unit = results.validation["objectives"][objective.name], objective.unit
    drawn: dict[Any, Any] = {
        _draw_groupings: found["groupings"],
        _draw_calibration: found["calibration"],
        _draw_distance: found["applicability"],
        _draw_curve: found["learning_curve"],
    }
    panels = [(draw, part) for draw, part in drawn.items() if part or draw in (_draw_calibration, _draw_distance)]
    figure, axes = make_panels(len(panels), 2, COLUMN_IN, 2.5)
    for axis, (draw, part) in zip(axes, panels, strict=True):
        draw(axis, part, unit)
    figure.suptitle(f"{results.study.title}: {found['selected']} on {format_label(objective.label, unit)}", fontsize=8)
    return figure


def _draw_groupings(axis: "Axes", groupings: list[dict[str, Any]], unit: str) -> None:
    """Describe R² for each way to split."""
    heights = np.arange(len(groupings))[::-1]
    for height, grouping in zip(heights, groupings, strict=True):
        # R² has no lower bound, but the axis ends at -1
        low, high = max(grouping["r2_lower"], -1.0), grouping["r2_upper"]
        axis.plot([low, high], [height, height], color=RED if grouping["warning"] else BLUE, lw=2)
        axis.plot(np.clip(grouping["r2"], -1, 1), height, "o", color=BLACK, ms=4)
        text, place = f"{grouping['r2']:.2f}", (max(grouping["r2"], -1), height)
        add_note(axis, text, place, (0, 4), fontsize=6)
    axis.set_yticks(heights, [f"{found['split']}\n({found['groups']} groups)" for found in groupings], fontsize=6)
    axis.axvline(0, color=GREY, lw=0.7)
    axis.set(xlim=(-1.02, 1.02), xlabel="R² of held-out rows, 95 % interval")
    axis.set_title("Rows kept together (red: random folds are optimistic)", fontsize=7)


def _draw_calibration(axis: "Axes", intervals: list[dict[str, Any]], unit: str) -> None:
    """Draw the share of held-out rows inside their intervals over the nominal level."""
    level, middle, low, high = read_columns(intervals, "level", "coverage", "coverage_lower", "coverage_upper")
    axis.plot([0, 1], [0, 1], color=ORANGE, lw=1, label="nominal")
    axis.errorbar(level, middle, yerr=[middle - low, high - middle], fmt="o", color=BLUE, ecolor=GREY, ms=4, capsize=2)
    for interval in intervals:
        place = (interval["level"], interval["coverage"])
        add_note(axis, f"±{interval['half_width']:.2g}", place, (6, -9), fontsize=6)
    axis.set(xlim=(0, 1.1), ylim=(0, 1.05), xlabel="Level of the interval", ylabel="Held-out rows inside")
    axis.set_title(f"Calibration (median half width, {unit})" if unit != "1" else "Calibration", fontsize=7)
    axis.legend(loc="upper left")


def _draw_distance(axis: "Axes", found: dict[str, Any], unit: str) -> None:
    """Draw the error over the distance to the training rows."""
    distance, middle, low, high = read_columns(found["bins"], "distance", "mae", "mae_lower", "mae_upper")
    # an interval need not contain its estimate, and error bars must not be negative
    spread = np.maximum([middle - low, high - middle], 0)
    axis.errorbar(distance, middle, yerr=spread, fmt="o-", color=BLUE, ecolor=GREY, ms=4)
    axis.axvline(found["threshold"], color=RED, lw=1, ls="--", label="flagged beyond")
    axis.set_ylim(bottom=0)
    axis.set(xlabel="Distance to the rows learned from (scaled)", ylabel=format_label("MAE", unit))
    ranks = "no rank correlation" if found["spearman"] is None else f"rank correlation {found['spearman']:.2f}"
    axis.set_title(f"Error over distance ({ranks})", fontsize=7)
    axis.legend()


def _draw_curve(axis: "Axes", found: dict[str, Any], unit: str) -> None:
    """Draw the error over the number of rows, and at twice as many."""
    rows, middle, low, high = read_columns(found["points"], "rows", "mae", "mae_lower", "mae_upper")
    axis.fill_between(rows, low, high, color=BLUE, alpha=0.25, lw=0)
    axis.plot(rows, middle, "o-", color=BLUE, label="measured")
    if "doubled" in found:
        double = found["doubled"]
        down, up = double["interval"]
        spread = [[max(double["mae"] - down, 0)], [max(up - double["mae"], 0)]]
        place = [double["rows"]], [double["mae"]]
        axis.errorbar(*place, yerr=spread, fmt="D", color=GREEN, ms=4, capsize=2, label="power law")
    mark_counts(axis, list(rows))
    axis.set(xlabel="Rows learned from", ylabel=format_label("MAE", unit))
    axis.set_title("Learning curve, 95 % band", fontsize=7)
    axis.legend()
