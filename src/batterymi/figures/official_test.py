"""The official test split: predictions for rows that no choice was based on."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.axes import draw_observed_limits
from batterymi.figures.style import BLUE, COLUMN_IN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults
from batterymi.surrogates.problem import find_censored
from batterymi.vocabulary.splits import SPLIT, TEST
from batterymi.vocabulary.units import format_label
from batterymi.vocabulary.verdicts import describe_looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_official_test(results: StudyResults) -> "Figure":
    """Draw predictions over observations of the official test split; bounds as arrows, noise floor as band."""
    import matplotlib.pyplot as plt

    objective = results.study.objectives[0]
    found = results.validation["objectives"][objective.name]
    test, noise = found["test"], found["noise"]
    # in the order of the predictions
    rows = results.table[results.table[SPLIT] == TEST].set_index("line").loc[test["lines"]]
    observed, predicted = rows[objective.name].to_numpy(float), np.array(test["predictions"])
    sides = find_censored(rows, objective.name, results.study.table.censored)
    is_value = sides == 0
    figure, axis = plt.subplots(figsize=(COLUMN_IN, 3.1))
    ends = np.array([min(observed.min(), predicted.min()), max(observed.max(), predicted.max())])
    if noise and noise["sets"]:
        width, label = noise["deviation"], "scatter of repeats, ±1 s.d."
        axis.fill_between(ends, ends - width, ends + width, color=ORANGE, alpha=0.2, lw=0, label=label)
    axis.plot(ends, ends, color=ORANGE, lw=1)
    axis.plot(observed[is_value], predicted[is_value], "o", color=BLUE, ms=3, alpha=0.8, label="measured value")
    draw_observed_limits(axis, observed, predicted, sides)
    own, dummy = test["scores"][test["selected"]], test["scores"]["dummy"]
    axis.set_title(
        f"Official test split, {describe_looks(test['looks'])}: {test['selected']}\n"
        f"MAE {own['mae']:.2f} [{own['mae_lower']:.2f}, {own['mae_upper']:.2f}], mean of the training rows "
        f"{dummy['mae']:.2f}",
        fontsize=7,
    )
    axis.set(xlabel=format_label("Observed " + objective.label, objective.unit), ylabel="Predicted")
    axis.axhline(ends[0], color=GREY, lw=0)
    axis.legend(loc="upper left", fontsize=6)
    return figure
