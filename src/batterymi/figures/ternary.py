"""NCM: ternary diagrams of the three properties, with the feasible region."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batterymi.config.campaign import NcmFormulasChoice
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.figures.style import BLACK, GREY, ORANGE, RED
from batterymi.optimise.space.space import make_space
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
HEIGHT = np.sqrt(3) / 2


def plot_ternary(results: StudyResults) -> "Figure":
    """Three ternary diagrams, one per property: Ni at the top, Co at the right, Mn at the left."""
    import matplotlib.pyplot as plt

    space = make_space(results.study.features, results.study.simplex, ())
    designs = space.sample(np.random.default_rng(0), 6000)
    outcomes = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), results.study.objectives).evaluate(designs)
    x, y = _place(designs[["ni", "co", "mn"]].to_numpy(float))
    limit = results.find_limit("thermal_stability_c", "at_least")
    assert space.composition is not None
    corners = np.column_stack(_place(space.composition.corners))
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 3.0))
    for axis, objective in zip(axes, results.study.objectives, strict=True):
        _frame(axis)
        values = outcomes[objective.name].to_numpy(float)
        contours = axis.tricontourf(x, y, values, levels=12, cmap="viridis")
        lost = outcomes["thermal_stability_c"].to_numpy() < (limit or -np.inf)
        _hatch(axis, x, y, lost)
        _outline(axis, corners)
        _points(axis, results)
        bar = axis.figure.colorbar(contours, ax=axis, orientation="horizontal", shrink=0.85, pad=0.02)
        bar.set_label(with_unit(objective.label, objective.unit), fontsize=7)
        bar.ax.tick_params(labelsize=6)
    figure.suptitle(
        f"hatched: thermal stability below {limit:g} °C; star: campaign's best; cross: chapter's 85/8/7", fontsize=7
    )
    return figure


def _place(parts: Array) -> tuple[Array, Array]:
    """Ternary coordinates of (Ni, Co, Mn), for the part of the triangle with Ni ≥ 0.5, enlarged."""
    ni, co = parts[:, 0], parts[:, 1]
    return (co + ni / 2) * 2 - 0.5, (ni - 0.5) * 2 * HEIGHT


def _frame(axis: "Axes") -> None:
    """Triangle from 50 % Ni up, with its grid and labels."""
    axis.plot([0, 1, 0.5, 0], [0, 0, HEIGHT, 0], color=BLACK, lw=0.8)
    for share in (0.6, 0.7, 0.8, 0.9):
        left, right = _place(np.array([[share, 0, 1 - share], [share, 1 - share, 0]]))
        axis.plot(left, right, color=GREY, lw=0.4)
        axis.annotate(
            f"{100 * share:.0f}",
            (left[0], right[0]),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=6,
        )
    for co in (0.1, 0.2, 0.3, 0.4):
        ends = _place(np.array([[1 - co, co, 0], [0.5, co, 0.5 - co]]))
        axis.plot(*ends, color=GREY, lw=0.4)
        axis.annotate(
            f"{100 * co:.0f}",
            (ends[0][0], ends[1][0]),
            xytext=(3, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=6,
        )
    axis.annotate("Ni (%)", (0.12, 0.5), ha="center", fontsize=7, rotation=60)
    axis.annotate("Co (%)", (0.88, 0.5), ha="center", fontsize=7, rotation=-60)
    axis.annotate("50 % Mn", (0, 0), xytext=(0, -8), textcoords="offset points", ha="center", fontsize=6)
    axis.annotate("50 % Co", (1, 0), xytext=(0, -8), textcoords="offset points", ha="center", fontsize=6)
    axis.annotate("100 % Ni", (0.5, HEIGHT), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=6)
    axis.set_aspect("equal")
    axis.set_axis_off()


def _hatch(axis: "Axes", x: Array, y: Array, lost: NDArray[np.bool_]) -> None:
    """Hatch where the limit is missed."""
    if lost.any():
        axis.tricontourf(x, y, lost.astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"])


def _outline(axis: "Axes", corners: Array) -> None:
    """Edge of the search range."""
    from scipy.spatial import ConvexHull

    hull = corners[ConvexHull(corners).vertices]
    axis.plot(*np.vstack([hull, hull[:1]]).T, color=BLACK, lw=0.8)


def _points(axis: "Axes", results: StudyResults) -> None:
    """The campaign's best, and the chapter's material."""
    if len(results.suggestions):
        best = _place(results.suggestions[["ni", "co", "mn"]].to_numpy(float)[:1])
        axis.plot(*best, "*", color=ORANGE, mec=BLACK, mew=0.5, ms=9)
    chapter = _place(results.reference_designs[["ni", "co", "mn"]].to_numpy(float)[:1])
    axis.plot(*chapter, "X", color=RED, mec=BLACK, mew=0.4, ms=6)
