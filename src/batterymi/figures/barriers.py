"""Predicted over computed migration barriers: hosts that no model has seen, and the official test part."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.figures.axes import make_panels
from batterymi.figures.style import BLACK, COLUMN_IN, GREY, SEQUENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODEL, PUBLISHED = "blend", "published_ev"
NEEDED = ["partition", "line", "ion", "observed", MODEL]
OFFICIAL = 0  # number of the official split among partitions
MOST_IONS = 5  # with a colour of their own
TICKS = (0.03, 0.1, 0.3, 1, 3)  # eV


def draw_barriers(predictions: pd.DataFrame, scores: pd.DataFrame, official: pd.DataFrame) -> "Figure":
    """Draw one panel of held-out hosts, predictions averaged over the partitions, and one of the official test part.

    Args:
        predictions: eV, as the stage `predict_barriers` writes them.
        scores: of models by host.
        official: of models on the official test part; none without one.
    """
    held_out = predictions[predictions["partition"] != OFFICIAL].groupby("line", as_index=False)
    by_host = held_out.agg({"ion": "first", "observed": "first", MODEL: "mean"})
    test = predictions[predictions["partition"] == OFFICIAL]
    figure, axes = make_panels(2 if len(test) else 1, 2, COLUMN_IN, 3.2)
    ends = np.array([0.7, 1.4]) * [predictions["observed"].clip(lower=TICKS[0]).min(), predictions["observed"].max()]
    ions = list(by_host["ion"].value_counts().index[:MOST_IONS])
    title = f"Hosts that were not learned from, {len(by_host)} barriers"
    _draw_parity(axes[0], by_host, ions, ends)
    _add_score(axes[0], scores, title)
    if len(test):
        title = f"Official split, {len(test)} barriers"
        if PUBLISHED in test and test[PUBLISHED].notna().any():
            label = "best published network"
            axes[1].plot(test["observed"], test[PUBLISHED], "x", color=GREY, ms=3.5, mew=0.8, label=label)
        _draw_parity(axes[1], test, ions, ends)
        _add_score(axes[1], official, title)
    return figure


def _draw_parity(axis: "Axes", rows: pd.DataFrame, ions: list[str], ends: np.ndarray) -> None:
    """Draw predictions over computed values on logarithmic axes, some ions in colours of their own."""
    axis.plot(ends, ends, color=BLACK, lw=0.8)
    for ion, colour in zip([*ions, "others"], SEQUENCE, strict=False):
        chosen = rows["ion"] == ion if ion in ions else ~rows["ion"].isin(ions)
        values = rows[chosen]
        if len(values):
            label = f"{ion} ({len(values)})"
            axis.plot(values["observed"], values[MODEL], "o", color=colour, ms=2.5, alpha=0.7, label=label)
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for which in (axis.set_xticks, axis.set_yticks):
        which(TICKS, [f"{tick:g}" for tick in TICKS])
    axis.set(xlabel="Barrier by DFT and nudged elastic band (eV)", ylabel="Predicted barrier (eV)")


def _add_score(axis: "Axes", scores: pd.DataFrame, title: str) -> None:
    """Write the model's scores above a panel, and a legend into it."""
    own = scores.set_index("model").loc[MODEL]
    found = f"MAE {own['mae']:.3f} eV [{own['mae_lower']:.3f}, {own['mae_upper']:.3f}], R² {own['r2']:.2f}"
    axis.set_title(f"{title}\n{found}", fontsize=7)
    axis.legend(fontsize=5.5, loc="upper left")
