"""NCM: ternary diagrams of the three properties, with the feasible region."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batterymi.config.campaign import NcmFormulasChoice
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.figures.style import BLACK, GREY, ORANGE, RED
from batterymi.optimise.space.space import make_space
from batterymi.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
CORNERS = ["ni", "mn", "co"]  # top, left, right, as mpltern takes them
LOWEST_NI = 50.0  # percent, below the least that the study allows, so that its range fills the triangle


def plot_ternary(results: StudyResults) -> "Figure":
    """Draw one ternary diagram for each property: Ni at the top, Co at the right, Mn at the left."""
    import matplotlib.pyplot as plt
    import mpltern  # noqa: F401 - makes matplotlib know ternary axes

    study = results.study
    space = make_space(study.features, study.simplex, ())
    # a fixed seed, so that a rebuild draws the same bytes
    designs = space.sample(np.random.default_rng(0), 6000)
    outcomes = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), study.objectives).evaluate(designs)
    places = 100 * designs[CORNERS].to_numpy(float).T
    limit = results.find_limit("thermal_stability_c", "at_least")
    violates = outcomes["thermal_stability_c"].to_numpy() < (limit or -np.inf)
    assert space.composition is not None
    parts = study.simplex.features if study.simplex else ()
    edge = _find_edge(100 * space.composition.corners[:, [parts.index(name) for name in CORNERS]])
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 3.1), subplot_kw={"projection": "ternary", "ternary_sum": 100.0})
    for axis, objective in zip(axes, study.objectives, strict=True):
        _label_axes(axis)
        contours = axis.tricontourf(*places, outcomes[objective.name].to_numpy(float), levels=12, cmap="viridis")
        if violates.any():
            axis.tricontourf(*places, violates.astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"])
        axis.plot(*edge, color=BLACK, lw=0.8)
        _plot_designs(axis, results)
        bar = figure.colorbar(contours, ax=axis, orientation="horizontal", ticks=contours.levels[::3], pad=0.05)
        bar.set_label(objective.axis_label, fontsize=7)
        bar.ax.tick_params(labelsize=6)
    legend = f"hatched: thermal stability below {limit:g} °C; star: campaign's best; cross: chapter's 85/8/7"
    figure.suptitle(legend, fontsize=7)
    return figure


def _label_axes(axis: Any) -> None:
    """Show the triangle from 50 % Ni up, with its grid and labels."""
    axis.set_ternary_min(LOWEST_NI, 0.0, 0.0)
    axis.set_axisbelow(False)
    axis.set_title("", y=1)  # with a place, or half of the time goes into finding one for no title
    axis.grid(color=GREY, lw=0.4)
    for part, name in ((axis.taxis, "Ni"), (axis.laxis, "Mn"), (axis.raxis, "Co")):
        part.set_label_text(f"{name} (%)", fontsize=7)
        part.set_tick_params(labelsize=6)
        part.set_label_position("tick1")


def _find_edge(corners: Array) -> Array:
    """Return the corners of the search range in order, the first one twice."""
    from scipy.spatial import ConvexHull

    order = ConvexHull(corners[:, :2]).vertices
    return corners[[*order, order[0]]].T


def _plot_designs(axis: Any, results: StudyResults) -> None:
    """Mark the campaign's best design, and the chapter's material."""
    best = 100 * results.suggestions[CORNERS].to_numpy(float)[:1].T
    chapter = 100 * results.reference_designs[CORNERS].to_numpy(float)[:1].T
    axis.plot(*best, "*", color=ORANGE, mec=BLACK, mew=0.5, ms=9)
    axis.plot(*chapter, "X", color=RED, mec=BLACK, mew=0.4, ms=6)
