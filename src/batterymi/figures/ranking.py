"""Candidates ranked by a model, and which of them lie on its ground."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.style import BLUE, COLUMN_IN, GREY, RED
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_ranking(results: StudyResults) -> "Figure":
    """Prediction over distance for all candidates, and the best of them with their 95 % intervals."""
    import matplotlib.pyplot as plt

    assert results.ranking is not None
    assert results.study.candidates is not None
    frame, objective = results.ranking, results.study.objectives[0]
    inside = (frame["applicability"] == "inside").to_numpy()
    threshold = results.validation["objectives"][objective.name]["applicability"]["threshold"]
    best = frame.head(results.study.candidates.best)
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN_IN, 3.4))
    for part, colour, label in ((inside, BLUE, "inside"), (~inside, RED, "outside")):
        left.plot(
            frame["distance"][part],
            frame["predicted"][part],
            ".",
            color=colour,
            ms=3,
            alpha=0.6,
            label=f"{label}: {part.sum()}",
        )
    left.axvline(threshold, color=GREY, ls="--", lw=1)
    left.set_xscale("log")
    left.set_xlabel("Distance to the rows learned from (scaled)")
    left.set_ylabel(with_unit("Predicted " + objective.label[0].lower() + objective.label[1:], objective.unit))
    left.set_title(
        f"{len(frame)} candidates; dashed: flagged beyond.\nOutside also: a feature out of the rows' range", fontsize=7
    )
    left.legend()
    heights = np.arange(len(best))[::-1]
    colours = [BLUE if one == "inside" else RED for one in best["applicability"]]
    for height, colour, (_, row) in zip(heights, colours, best.iterrows(), strict=True):
        right.plot([row["lower_95"], row["upper_95"]], [height, height], color=colour, lw=1)
        right.plot(row["predicted"], height, "o", color=colour, ms=3)
    right.set_yticks(heights, [f"{row['catalyst']} ({row['id']})" for _, row in best.iterrows()], fontsize=5.5)
    right.set_xlabel(with_unit(objective.label, objective.unit))
    right.set_title("Best ranked, 95 % intervals", fontsize=7)
    return figure
