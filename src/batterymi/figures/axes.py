"""What figures share: panels, legends, limits and intervals."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from batterymi.config.goals import Window
from batterymi.figures.style import GREEN, RED
from batterymi.vocabulary.measured import LOWER, UPPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def make_panels(n: int, n_columns: int, width: float, height: float, extra: float = 0) -> "tuple[Figure, list[Axes]]":
    """Make panels in columns; empty places of the last line stay blank.

    Args:
        n: panels.
        n_columns: panels side by side.
        width: inches of a panel.
        height: inches of a line of panels.
        extra: inches below all lines, as for a legend.
    """
    # imported after the style has chosen a backend that needs no display
    import matplotlib.pyplot as plt

    n_rows = -(-n // n_columns)
    size = (width * n_columns, height * n_rows + extra)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False)
    panels = list(axes.ravel())
    for axis in panels[n:]:
        axis.set_visible(False)
    return figure, panels[:n]


def stack_panels(heights: Sequence[float], width: float) -> "tuple[Figure, list[Axes]]":
    """Make panels of different heights, in inches, below each other."""
    import matplotlib.pyplot as plt

    size = (width, sum(heights))
    figure, axes = plt.subplots(len(heights), 1, figsize=size, height_ratios=heights, squeeze=False)
    return figure, list(axes.ravel())


def add_legend_below(figure: "Figure", axis: "Axes", ncols: int) -> None:
    """Add one legend below all panels, with the labels of one of them."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=ncols)


def draw_limit(axis: "Axes", limit: float | None, width: float, **text: Any) -> None:
    """Draw a line at a limit, if there is one, and name it at its right end."""
    if limit is not None:
        axis.axhline(limit, color=text["color"], lw=width)
        axis.annotate("limit", (1, limit), xycoords=("axes fraction", "data"), ha="right", va="bottom", **text)


def draw_observed_limits(axis: "Axes", observed: np.ndarray, predicted: np.ndarray, sides: np.ndarray) -> None:
    """Draw predictions over observations that are only limits, as arrows to where the true values lie.

    Args:
        axis: with observations on the horizontal axis.
        observed: the limits, shape (n,).
        predicted: shape (n,).
        sides: `UPPER`, `LOWER`, or 0 for a value, which is not drawn; shape (n,).
    """
    for side, marker, name in ((UPPER, "<", "an upper"), (LOWER, ">", "a lower")):
        of_side = sides == side
        if of_side.any():
            label = f"only {name} bound known"
            axis.plot(observed[of_side], predicted[of_side], marker, ls="", color=RED, ms=4, zorder=3, label=label)


def draw_target(axis: "Axes", window: Window | None, *, along: Literal["x", "y"]) -> None:
    """Shade what an objective on one of the axes should hit, if it has a target, and name it."""
    if window is None:
        return
    span, line = (axis.axvspan, axis.axvline) if along == "x" else (axis.axhspan, axis.axhline)
    style: dict[str, Any] = {"color": GREEN, "label": f"target {window.text}", "zorder": 0}
    if window.is_single:
        line(window.low, lw=1, **style)
    else:
        span(window.low, window.high, alpha=0.2, lw=0, **style)


def mark_counts(axis: "Axes", counts: Sequence[int]) -> None:
    """Draw counts on a logarithmic axis, with a tick at each."""
    axis.set_xscale("log")
    axis.set_xticks(counts, [str(count) for count in counts])
    # labels of minor ticks on a short log axis would overlap
    axis.set_xticks([], minor=True)


def read_columns(entries: Iterable[Mapping[str, Any]], *keys: str) -> list[np.ndarray]:
    """Return the values of entries, one array for each key."""
    entries = list(entries)
    return [np.array([entry[key] for entry in entries]) for key in keys]


def prefix_label(word: str, label: str) -> str:
    """Return a label after a word, with a small first letter."""
    return f"{word} {label[0].lower()}{label[1:]}"


def wrap_text(text: str, width: int) -> str:
    """Wrap a text into lines."""
    return "\n".join(textwrap.wrap(text, width))


def add_note(axis: "Axes", text: str, place: tuple[float, float], offset: tuple[float, float], **style: Any) -> None:
    """Write a text beside a point, at an offset in points."""
    axis.annotate(text, place, xytext=offset, textcoords="offset points", **style)
