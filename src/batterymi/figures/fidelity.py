"""Gain by cheaper levels of fidelity: the best result so far over the cost."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.figures.axes import wrap_text
from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE
from batterymi.optimise.campaigns.benchmark import ENDS, RANDOM
from batterymi.optimise.campaigns.fidelity_comparison import LAST, LEVELS
from batterymi.reporting.gain import format_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_fidelities(ledger: pd.DataFrame, comparison: dict[str, Any], objectives: Sequence[Objective]) -> "Figure":
    """Draw median and quartiles over the seeds of each campaign's best result of the last level.

    Args:
        ledger: every evaluation.
        comparison: what the levels save.
        objectives: of the study; where one alone is optimised, results are in its unit.

    Returns:
        The figure.
    """
    # imported after the style has chosen a backend that needs no display
    import matplotlib.pyplot as plt

    optimised = [objective for objective in objectives if objective.is_optimised]
    only = optimised[0] if len(optimised) == 1 else None
    # of several objectives the best so far is a negative hypervolume
    factor = -1 if only is None else only.scale / only.weight if only.window else only.sign * only.scale
    figure, axis = plt.subplots(figsize=(COLUMN_IN, 2.8))
    grid = np.linspace(0, comparison["budget"], 200)
    for name, colour in ((LEVELS, BLUE), (LAST, GREEN), (RANDOM, ORANGE)):
        low, middle, high = _compute_quartiles(ledger[ledger["campaign"] == name], grid)
        axis.plot(grid, factor * middle, color=colour, label=RANDOM + ", last level" if name == RANDOM else name)
        axis.fill_between(grid, factor * low, factor * high, color=colour, alpha=0.2, lw=0)
    costs = ", ".join(f"{level['label']} {level['cost']:g}" for level in comparison["levels"])
    axis.set_xlabel(f"Cost (of one evaluation: {costs})")
    label = "Hypervolume" if only is None else f"{only.label} ({only.unit})"
    label = label if only is None or only.window is None else f"{label}, distance to {only.window.text}"
    axis.set_ylabel(f"Best that meets all limits:\n{label}")
    first = comparison["comparisons"][0]
    axis.axvline(first["counted_from"], color=GREY, lw=0.7, ls=":", label="costs to targets count from here")
    for target in first["targets"]:
        if target["is_declared"]:
            axis.axhline(factor * target["score"], color=GREY, lw=0.7, ls="--", label=target["label"])
    axis.set_title(_make_title(first, comparison["seeds"]), fontsize=6.5)
    axis.legend(fontsize=6)
    return figure


def _make_title(compared: dict[str, Any], n_seeds: int) -> str:
    """Return the cost saved to the declared target against the last level alone, and the verdict without its target."""
    lines = [f"{re.split('[:,]', compared['verdict'])[0]}, {n_seeds} seeds"]
    if compared["cost_saved"] is not None:
        middle, low, high = (compared[f"cost_saved{end}"] for end in ENDS)
        saved = format_interval(middle, low, high, 1, compared["saved_is"])
        lines = [f"Cost saved: {saved}, to {compared['target']}", *lines]
    return "\n".join(wrap_text(line, 70) for line in lines)


def _compute_quartiles(rows: pd.DataFrame, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return quartiles over seeds of the best so far at each cost; a seed without any counts as the worst."""
    curves = []
    for _, part in rows.groupby("seed"):
        # 1e-9 counts an evaluation at exactly this cost, whatever the rounding
        place = np.searchsorted(part["spent"].to_numpy(), grid + 1e-9, side="right") - 1
        best = part["best_so_far"].fillna(np.inf).to_numpy()
        # below the cost of the first evaluation nothing is known
        curves.append(np.where(place >= 0, best[np.maximum(place, 0)], np.inf))
    # not interpolated, since interpolation with infinity gives NaN
    found = [np.quantile(curves, q, axis=0, method="higher") for q in (0.25, 0.5, 0.75)]
    low, middle, high = (np.where(np.isfinite(quartile), quartile, np.nan) for quartile in found)
    return low, middle, high
