"""The figure of a study that names none of its own: suggestions among the rows."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature
from batterymi.figures.axes import draw_target, wrap_text
from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, ORANGE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.splits import SPLIT, TRAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PANELS = 6


def plot_overview(results: StudyResults) -> "Figure":
    """Draw the first objective over each searched feature: rows, and suggestions with predicted 95 % intervals.

    Of more than `MAX_PANELS` features, those of the largest importance are drawn. A study without features of its own,
    as one that learns from formulas alone, has its rows drawn by rank.
    """
    import matplotlib.pyplot as plt

    target, n_all = results.study.objectives[0], len(results.study.designable)
    rows, best = results.table[results.table[SPLIT] == TRAIN], _place_suggestions(results)
    panels = [(feature.axis_label, rows[feature.name], best[feature.name]) for feature in _choose_features(results)]
    panels = panels or [_rank_rows(rows[target.name], best[target.name])]
    size = (COLUMN_IN, 0.5 + 1.5 * len(panels))
    figure, axes = plt.subplots(len(panels), 1, figsize=size, sharey=True, squeeze=False)
    for axis, (label, of_rows, of_best) in zip(axes[:, 0], panels, strict=True):
        axis.plot(of_rows, rows[target.name], "o", color=BLUE, ms=3, label="rows")
        middle = best[target.name]
        # a missing bound draws an error bar of no length
        low, high = best[f"{target.name}_lower_95"].fillna(middle), best[f"{target.name}_upper_95"].fillna(middle)
        error, style = np.array([middle - low, high - middle]), {"color": ORANGE, "mec": BLACK, "mew": 0.4, "ms": 7}
        axis.errorbar(of_best, middle, yerr=error, fmt="*", elinewidth=0.6, label="suggestions", **style)
        draw_target(axis, target.window, along="y")
        axis.set_xlabel(label)
    if n_all > len(panels):
        axes[0, 0].set_title(f"the {len(panels)} most important of {n_all} features", fontsize=7)
    # beside all panels, since a long label does not fit beside one
    figure.supylabel(wrap_text(target.axis_label, 24 * len(panels)), fontsize=8)
    axes[0, 0].legend()
    return figure


def _choose_features(results: StudyResults) -> list[Feature]:
    """Return the features to draw, in the order of the study."""
    features = results.study.designable
    if len(features) <= MAX_PANELS:
        return list(features)
    found = results.importances
    of_target = found[found["objective"] == results.study.objectives[0].name]
    importance = of_target.groupby("feature")["rmse_increase"].median()
    ranked = sorted(features, key=lambda feature: -float(importance.get(feature.name, -np.inf)))
    return [feature for feature in features if feature in ranked[:MAX_PANELS]]


def _rank_rows(rows: pd.Series, best: pd.Series) -> tuple[str, pd.Series, pd.Series]:
    """Return a label, and the rank of each row and suggestion, the largest value first."""
    return "Rank among the rows", rows.rank(ascending=False), best.map(lambda value: 1 + int((rows > value).sum()))


def _place_suggestions(results: StudyResults) -> pd.DataFrame:
    """Return suggestions with the features of a design, and the prediction as the objective.

    The suggestions of a replayed campaign are rows of the table, and measured; drawn is what a model predicts of them
    that did not see them.
    """
    best, name = results.suggestions, results.study.objectives[0].name
    if results.study.campaign.mode != "replay":
        return best
    rows = results.table.set_index("line")[[feature.name for feature in results.study.designable]]
    return best.assign(**{name: best[f"{name}_predicted"]}).join(rows, on="line", rsuffix="_of_row")
