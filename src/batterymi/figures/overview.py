"""The figure of a study that names none of its own: suggestions among the rows."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, ORANGE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.splits import SPLIT, TRAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_overview(results: StudyResults) -> "Figure":
    """Draw the first objective over each searched feature: rows, and suggestions with predicted 95 % intervals."""
    import matplotlib.pyplot as plt

    features, target = results.study.designable, results.study.objectives[0]
    rows, best = results.table[results.table[SPLIT] == TRAIN], _place_suggestions(results)
    size = (COLUMN_IN, 0.5 + 1.5 * len(features))
    figure, axes = plt.subplots(len(features), 1, figsize=size, sharey=True, squeeze=False)
    for axis, feature in zip(axes[:, 0], features, strict=True):
        axis.plot(rows[feature.name], rows[target.name], "o", color=BLUE, ms=3, label="rows")
        middle = best[target.name]
        # a missing bound draws an error bar of no length
        low, high = best[f"{target.name}_lower_95"].fillna(middle), best[f"{target.name}_upper_95"].fillna(middle)
        error, style = np.array([middle - low, high - middle]), {"color": ORANGE, "mec": BLACK, "mew": 0.4, "ms": 7}
        axis.errorbar(best[feature.name], middle, yerr=error, fmt="*", elinewidth=0.6, label="suggestions", **style)
        axis.set_xlabel(feature.axis_label)
    axes[0, 0].set_ylabel(target.axis_label)
    axes[0, 0].legend()
    return figure


def _place_suggestions(results: StudyResults) -> pd.DataFrame:
    """Return suggestions with the features of a design, and the prediction as the objective.

    The suggestions of a replayed campaign are rows of the table, and measured; drawn is what a model predicts of them
    that did not see them.
    """
    best, name = results.suggestions, results.study.objectives[0].name
    if results.study.design_columns:
        return best
    rows = results.table.set_index("line")[[feature.name for feature in results.study.designable]]
    return best.assign(**{name: best[f"{name}_predicted"]}).join(rows, on="line", rsuffix="_of_row")
