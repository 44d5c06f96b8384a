"""Li-S: predicted retention over pore size and OH groups, with the region that pores forbid."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.features.pores import sulfur_limit
from batterymi.figures.style import BLACK, COLUMN_IN, GREY, ORANGE, RED
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_carbon_host(results: StudyResults) -> "Figure":
    """Two panels: retention of the rows and campaigns over pore size and OH, and what the pores can hold.

    The first panel's colour is the outcome of each design. In the second, the hatched region holds more
    sulfur than the pores, swelling on lithiation included, for the surface that the rows have at each pore size.
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(2, 1, figsize=(COLUMN_IN, 5.6))
    _retention(left, results)
    _pores(right, results)
    return figure


def _retention(axis: "Axes", results: StudyResults) -> None:
    """Retention over pore size and OH groups."""
    target = results.study.objectives[0]
    x, y = results.study.features[0], results.study.features[2]
    evaluated = results.history[results.history["engine"] == results.study.campaign.engine]
    low, high = results.table[target.name].min(), 100.0
    style = {"cmap": "viridis", "vmin": low, "vmax": high}
    axis.scatter(evaluated[x.name], evaluated[y.name], c=evaluated[target.name], s=7, alpha=0.8, linewidths=0, **style)
    dots = axis.scatter(
        results.table[x.name],
        results.table[y.name],
        c=results.table[target.name],
        s=46,
        edgecolors=BLACK,
        linewidths=0.8,
        label="rows (measured)",
        **style,
    )
    forbidden = _needed_pore(results)
    axis.axvspan(0, forbidden, facecolor="none", edgecolor=GREY, hatch="////", lw=0, label="cannot hold 50 wt% S")
    chapter = results.reference_designs.iloc[0]
    axis.plot(chapter[x.name], chapter[y.name], "X", color=RED, ms=7, label="chapter's optimum, rejected")
    axis.set_xlim(1.5, 10.5)
    axis.set_ylim(0.3, 3.1)
    axis.set_xlabel(with_unit(x.label, x.unit))
    axis.set_ylabel(with_unit(y.label, y.unit))
    axis.legend(loc="upper right", fontsize=6, frameon=True, framealpha=0.9)
    axis.set_title("small dots: designs of the campaigns, as predicted", fontsize=7, loc="left")
    axis.figure.colorbar(dots, ax=axis, label=with_unit("Retention", target.unit))


def _needed_pore(results: StudyResults) -> float:
    """Pore size below which the surface that the rows have cannot hold the least sulfur of the search range."""
    size, area, _, sulfur = results.study.features
    swelling = results.study.constraints[0].values["swelling"]
    rows = results.table.sort_values(size.name)
    sizes = np.linspace(0.1, 10, 2000)
    holds = sulfur_limit(sizes, np.interp(sizes, rows[size.name], rows[area.name]), swelling)
    return float(sizes[np.argmax(holds >= (sulfur.bounds or (50, 75))[0])])


def _pores(axis: "Axes", results: StudyResults) -> None:
    """Sulfur over pore size, with what pores of the rows' surface hold."""
    size, area, _, sulfur = results.study.features
    swelling = results.study.constraints[0].values["swelling"]
    rows = results.table.sort_values(size.name)
    sizes = np.linspace(1.5, 10.5, 300)
    surface = np.interp(sizes, rows[size.name], rows[area.name])
    limit, swollen = sulfur_limit(sizes, surface), sulfur_limit(sizes, surface, swelling)
    axis.plot(sizes, limit, color=GREY, ls="--", lw=1, label="pores full of sulfur")
    axis.plot(sizes, swollen, color=BLACK, lw=1.2, label=f"with {100 * swelling:.0f} % swelling")
    axis.fill_between(sizes, swollen, 100, facecolor="none", edgecolor=GREY, hatch="////", lw=0)
    fits = rows[sulfur.name] <= sulfur_limit(rows[size.name], rows[area.name], swelling)
    axis.plot(rows[size.name][fits], rows[sulfur.name][fits], "o", color=ORANGE, label="rows that fit")
    axis.plot(
        rows[size.name][~fits], rows[sulfur.name][~fits], "o", mfc="white", color=ORANGE, label="rows that do not"
    )
    chapter = results.reference_designs.iloc[0]
    axis.plot(chapter[size.name], chapter[sulfur.name], "X", color=RED, ms=7, label="chapter's optimum")
    axis.set_xlim(1.5, 10.5)
    axis.set_ylim(35, 80)
    axis.set_xlabel(with_unit(size.label, size.unit))
    axis.set_ylabel(with_unit(sulfur.label, sulfur.unit))
    axis.set_title("hatched: infeasible at the surface that the rows have", fontsize=7, loc="left")
    axis.legend(loc="lower right", fontsize=6, frameon=True, framealpha=0.9)
