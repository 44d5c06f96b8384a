"""Campaigns beside random search."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.campaign import PoolChoice
from batterymi.config.units import with_unit
from batterymi.figures.inputs import StudyResults
from batterymi.figures.style import BLUE, COLUMN_IN, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_convergence(results: StudyResults) -> "Figure":
    """Best feasible value so far over evaluations: median and quartiles over the seeds, engine and random search."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axis = plt.subplots(figsize=(COLUMN_IN, 2.6))
    if results.history.empty:
        axis.text(0.5, 0.5, _wrap(results.benchmark["feasibility"]["message"]), ha="center", va="center")
        axis.set_axis_off()
        return figure
    for engine, colour in ((results.study.campaign.engine, BLUE), ("random", ORANGE)):
        _band(axis, results, results.history[results.history["engine"] == engine], engine, colour)
    axis.axvline(results.study.campaign.initial + 0.5, color=GREY, lw=0.7, ls=":")
    axis.set_xlabel("Evaluations (dotted: end of the shared start)")
    axis.set_ylabel(_score_label(results))
    comparison = results.benchmark["comparison"]
    axis.set_title(
        f"{comparison['evaluations_saved']:.1f} evaluations saved "
        f"[{comparison['evaluations_saved_lower']:.1f}, {comparison['evaluations_saved_upper']:.1f}], "
        f"{comparison['seeds']} seeds\n{_wrap(comparison['verdict'], 48)}",
        fontsize=7,
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(loc="best")
    return figure


def _band(axis: "Axes", results: StudyResults, history: pd.DataFrame, label: str, colour: str) -> None:
    """Median line and quartile band of one engine; a campaign without a feasible design counts as the worst."""
    sign = _sign(results)
    best = history.pivot(index="evaluation", columns="seed", values="best_so_far").fillna(np.inf)
    low, middle, high = (sign * best.quantile(q, axis=1, interpolation="higher") for q in (0.25, 0.5, 0.75))
    shown = np.isfinite(middle)
    ceiling = sign * float(np.max(best[np.isfinite(best)]))
    axis.fill_between(
        low.index[shown], low[shown], high[shown].replace([np.inf, -np.inf], ceiling), color=colour, alpha=0.25, lw=0
    )
    axis.plot(middle.index[shown], middle[shown], color=colour, label=f"{label}: median, quartiles")
    n_empty = int(np.isinf(best.iloc[-1]).sum())
    if n_empty:
        axis.plot([], [], " ", label=f"  {n_empty} of {best.shape[1]} found no feasible design")


def _single(results: StudyResults) -> Any:
    """The objective that alone makes the score, or None if there are several."""
    sought = [o for o in results.study.objectives if o.goal in ("maximise", "minimise")]
    return sought[0] if len(sought) == 1 and sought[0].weight == sought[0].scale == 1 else None


def _sign(results: StudyResults) -> float:
    """What turns a score back into the objective, or into a score to maximise."""
    only = _single(results)
    return 1.0 if only is not None and only.goal == "minimise" else -1.0


def _score_label(results: StudyResults) -> str:
    """What the vertical axis shows."""
    only, choice = _single(results), results.study.campaign.evaluator
    if isinstance(choice, PoolChoice) and choice.label:
        return _wrap("Best " + with_unit(choice.label[0].lower() + choice.label[1:], choice.unit), 34)
    if only is None:
        return "Best feasible weighted score (larger is better)"
    return _wrap("Best feasible " + with_unit(only.label[0].lower() + only.label[1:], only.unit), 34)


def _wrap(text: str, width: int = 45) -> str:
    """Text broken into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
