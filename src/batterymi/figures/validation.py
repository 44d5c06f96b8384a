"""How far a study's model can be trusted: ways to split, calibration, distance, learning curve."""

from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, GREEN, GREY, ORANGE, RED
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_validation(results: StudyResults) -> "Figure":
    """Draw up to four panels for the first objective; a panel without results is left out."""
    import matplotlib.pyplot as plt

    objective = next(o for o in results.study.objectives if o.name in results.validation["objectives"])
    found, unit = results.validation["objectives"][objective.name], objective.unit
    panels: list[tuple[Any, Any]] = [(_draw_calibration, found["calibration"])]
    panels.append((_draw_distance, found["applicability"]))
    if found["groupings"]:
        panels.insert(0, (_draw_groupings, found["groupings"]))
    if found["learning_curve"]:
        panels.append((_draw_curve, found["learning_curve"]))
    n_columns = 2
    n_rows = -(-len(panels) // n_columns)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=(2 * COLUMN_IN, 2.5 * n_rows), squeeze=False)
    for axis, (draw, part) in zip(axes.ravel(), panels, strict=False):
        draw(axis, part, unit)
    for axis in axes.ravel()[len(panels) :]:
        axis.set_visible(False)
    figure.suptitle(f"{results.study.title}: {found['selected']} on {format_label(objective.label, unit)}", fontsize=8)
    return figure


def _draw_groupings(axis: "Axes", entries: list[dict[str, Any]], unit: str) -> None:
    """Describe R² for each way to split."""
    heights = np.arange(len(entries))[::-1]
    for height, entry in zip(heights, entries, strict=True):
        # R² has no lower bound, but the axis ends at -1
        low, high = max(entry["r2_lower"], -1.0), entry["r2_upper"]
        axis.plot([low, high], [height, height], color=RED if entry["warning"] else BLUE, lw=2)
        axis.plot(np.clip(entry["r2"], -1, 1), height, "o", color=BLACK, ms=4)
        axis.annotate(
            f"{entry['r2']:.2f}", (max(entry["r2"], -1), height), xytext=(0, 4), textcoords="offset points", fontsize=6
        )
    axis.set_yticks(heights, [f"{entry['split']}\n({entry['groups']} groups)" for entry in entries], fontsize=6)
    axis.axvline(0, color=GREY, lw=0.7)
    axis.set_xlim(-1.02, 1.02)
    axis.set_xlabel("R² of held-out rows, 95 % interval")
    axis.set_title("Rows kept together (red: random folds are optimistic)", fontsize=7)


def _draw_calibration(axis: "Axes", entries: list[dict[str, Any]], unit: str) -> None:
    """Draw the share of held-out rows inside their intervals over the nominal level."""
    level = np.array([entry["level"] for entry in entries])
    middle = np.array([entry["coverage"] for entry in entries])
    low = np.array([entry["coverage_lower"] for entry in entries])
    high = np.array([entry["coverage_upper"] for entry in entries])
    axis.plot([0, 1], [0, 1], color=ORANGE, lw=1, label="nominal")
    axis.errorbar(level, middle, yerr=[middle - low, high - middle], fmt="o", color=BLUE, ecolor=GREY, ms=4, capsize=2)
    for entry in entries:
        text = f"±{entry['half_width']:.2g}"
        axis.annotate(text, (entry["level"], entry["coverage"]), xytext=(6, -9), textcoords="offset points", fontsize=6)
    axis.set_xlim(0, 1.1)
    axis.set_ylim(0, 1.05)
    axis.set_xlabel("Level of the interval")
    axis.set_ylabel("Held-out rows inside")
    axis.set_title(f"Calibration (median half width, {unit})" if unit != "1" else "Calibration", fontsize=7)
    axis.legend(loc="upper left")


def _draw_distance(axis: "Axes", found: dict[str, Any], unit: str) -> None:
    """Draw the error over the distance to the training rows."""
    bins = found["bins"]
    middle = np.array([entry["mae"] for entry in bins])
    low = np.array([entry["mae_lower"] for entry in bins])
    high = np.array([entry["mae_upper"] for entry in bins])
    # an interval need not contain its estimate, and error bars must not be negative
    spread = np.maximum([middle - low, high - middle], 0)
    axis.errorbar([entry["distance"] for entry in bins], middle, yerr=spread, fmt="o-", color=BLUE, ecolor=GREY, ms=4)
    axis.axvline(found["threshold"], color=RED, lw=1, ls="--", label="flagged beyond")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("Distance to the rows learned from (scaled)")
    axis.set_ylabel(format_label("MAE", unit))
    ranks = "no rank correlation" if found["spearman"] is None else f"rank correlation {found['spearman']:.2f}"
    axis.set_title(f"Error over distance ({ranks})", fontsize=7)
    axis.legend()


def _draw_curve(axis: "Axes", found: dict[str, Any], unit: str) -> None:
    """Draw the error over the number of rows, and at twice as many."""
    points = found["points"]
    rows = np.array([entry["rows"] for entry in points])
    middle = np.array([entry["mae"] for entry in points])
    low = np.array([entry["mae_lower"] for entry in points])
    high = np.array([entry["mae_upper"] for entry in points])
    axis.fill_between(rows, low, high, color=BLUE, alpha=0.25, lw=0)
    axis.plot(rows, middle, "o-", color=BLUE, label="measured")
    if "doubled" in found:
        double = found["doubled"]
        down, up = double["interval"]
        spread = [[max(double["mae"] - down, 0)], [max(up - double["mae"], 0)]]
        axis.errorbar(
            [double["rows"]], [double["mae"]], yerr=spread, fmt="D", color=GREEN, ms=4, capsize=2, label="power law"
        )
    axis.set_xscale("log")
    axis.set_xticks(rows, [str(count) for count in rows])
    # labels of minor ticks on a short log axis would overlap
    axis.set_xticks([], minor=True)
    axis.set_xlabel("Rows learned from")
    axis.set_ylabel(format_label("MAE", unit))
    axis.set_title("Learning curve, 95 % band", fontsize=7)
    axis.legend()
