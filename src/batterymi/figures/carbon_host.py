"""Li-S: predicted retention over pore size and OH groups, with the region where the sulfur does not fit the pores."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.features.pores import compute_sulfur_limit
from batterymi.figures.style import BLACK, COLUMN_IN, GREY, ORANGE, RED
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_carbon_host(results: StudyResults) -> "Figure":
    """Draw the retention of rows and campaigns over pore size and OH groups, and the sulfur that pores hold.

    The first panel's colour is the outcome of each design. In the second, the hatched region holds more
    sulfur than the pores, swelling on lithiation included, for the surface that the rows have at each pore size.
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(2, 1, figsize=(COLUMN_IN, 5.6))
    _draw_retention(left, results)
    _draw_pores(right, results)
    return figure


def _draw_retention(axis: "Axes", results: StudyResults) -> None:
    """Draw the retention over pore size and OH groups."""
    target = results.study.objectives[0]
    x, y = results.study.features[0], results.study.features[2]
    evaluated = results.history[results.history["engine"] == results.study.campaign.engine]
    low, high = results.table[target.name].min(), 100.0
    style = {"cmap": "viridis", "vmin": low, "vmax": high}
    axis.scatter(evaluated[x.name], evaluated[y.name], c=evaluated[target.name], s=7, alpha=0.8, linewidths=0, **style)
    rows = results.table
    style |= {"edgecolors": BLACK, "linewidths": 0.8, "label": "rows (measured)"}
    dots = axis.scatter(rows[x.name], rows[y.name], c=rows[target.name], s=46, **style)
    forbidden = _find_smallest_pore(results)
    axis.axvspan(0, forbidden, facecolor="none", edgecolor=GREY, hatch="////", lw=0, label="cannot hold 50 wt% S")
    chapter = results.reference_designs.iloc[0]
    axis.plot(chapter[x.name], chapter[y.name], "X", color=RED, ms=7, label="chapter's optimum, rejected")
    axis.set(xlim=(1.5, 10.5), ylim=(0.3, 3.1), xlabel=x.axis_label, ylabel=y.axis_label)
    axis.legend(loc="upper right", fontsize=6, frameon=True, framealpha=0.9)
    axis.set_title("small dots: designs of the campaigns, as predicted", fontsize=7, loc="left")
    axis.figure.colorbar(dots, ax=axis, label=format_label("Retention", target.unit))


def _find_smallest_pore(results: StudyResults) -> float:
    """Find the pore size below which pores cannot hold the least sulfur of the search range."""
    size, area, _, sulfur = results.study.features
    swelling = results.study.constraints[0].values["swelling"]
    rows = results.table.sort_values(size.name)
    sizes = np.linspace(0.1, 10, 2000)
    # the rows lie on one line through the space, so the pore size determines the surface
    holds = compute_sulfur_limit(sizes, np.interp(sizes, rows[size.name], rows[area.name]), swelling)
    # argmax of truth values is the position of the first True
    return float(sizes[np.argmax(holds >= (sulfur.bounds or (50, 75))[0])])


def _draw_pores(axis: "Axes", results: StudyResults) -> None:
    """Draw sulfur over pore size, with what pores hold at the surface area of the rows."""
    size, area, _, sulfur = results.study.features
    swelling = results.study.constraints[0].values["swelling"]
    rows = results.table.sort_values(size.name)
    sizes = np.linspace(1.5, 10.5, 300)
    surface = np.interp(sizes, rows[size.name], rows[area.name])
    limit, swollen = compute_sulfur_limit(sizes, surface), compute_sulfur_limit(sizes, surface, swelling)
    axis.plot(sizes, limit, color=GREY, ls="--", lw=1, label="pores full of sulfur")
    axis.plot(sizes, swollen, color=BLACK, lw=1.2, label=f"with {100 * swelling:.0f} % swelling")
    axis.fill_between(sizes, swollen, 100, facecolor="none", edgecolor=GREY, hatch="////", lw=0)
    fits = rows[sulfur.name] <= compute_sulfur_limit(rows[size.name], rows[area.name], swelling)
    axis.plot(rows[size.name][fits], rows[sulfur.name][fits], "o", color=ORANGE, label="rows that fit")
    x, y = rows[size.name], rows[sulfur.name]
    axis.plot(x[~fits], y[~fits], "o", mfc="white", color=ORANGE, label="rows that do not")
    chapter = results.reference_designs.iloc[0]
    axis.plot(chapter[size.name], chapter[sulfur.name], "X", color=RED, ms=7, label="chapter's optimum")
    axis.set(xlim=(1.5, 10.5), ylim=(35, 80), xlabel=size.axis_label, ylabel=sulfur.axis_label)
    axis.set_title("hatched: infeasible at the surface that the rows have", fontsize=7, loc="left")
    axis.legend(loc="lower right", fontsize=6, frameon=True, framealpha=0.9)
