"""Quality of the surrogates: parity of held-out rows, and importances."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from batterymi.config.parts import Labelled
from batterymi.figures.style import BLUE, COLUMN_IN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_parity(results: StudyResults) -> "Figure":
    """Draw held-out predictions with 95 % intervals over observations, one panel per objective."""
    import matplotlib.pyplot as plt

    objectives = results.study.objectives
    n_columns = min(len(objectives), 3)
    n_rows = -(-len(objectives) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(COLUMN_IN if n_columns == 1 else 2.5 * n_columns, (2.9 if n_columns == 1 else 2.5) * n_rows),
        squeeze=False,
    )
    panels = axes.ravel()
    for axis, objective in zip(panels, objectives, strict=False):
        best = results.selected[results.selected["objective"] == objective.name].iloc[0]
        part = results.predictions
        part = part[
            (part["variant"] == results.study.primary_variant)
            & (part["objective"] == objective.name)
            & (part["model"] == best["model"])
        ]
        middle = part["predicted"].to_numpy()
        error = np.vstack([middle - part["lower_95"], part["upper_95"] - middle])
        axis.errorbar(
            part["observed"], middle, yerr=error, fmt="o", ms=3, color=BLUE, ecolor=GREY, elinewidth=0.6, alpha=0.9
        )
        ends = [min(part["observed"].min(), middle.min()), max(part["observed"].max(), middle.max())]
        axis.plot(ends, ends, color=ORANGE, lw=1, label="perfect")
        axis.set_xlabel("Observed")
        axis.set_ylabel("Predicted, held out")
        axis.set_title(
            f"{format_label(objective.label, objective.unit)}\n{best['model']}: Q² {best['q2']:.2f} "
            f"[{best['q2_lower']:.2f}, {best['q2_upper']:.2f}]\n{best['verdict']}",
            fontsize=6.5,
        )
    for axis in panels[len(objectives) :]:
        axis.set_visible(False)
    return figure


def plot_importances(results: StudyResults) -> "Figure":
    """Draw the growth of the held-out error when a feature is shuffled: every repeat, and their median."""
    import matplotlib.pyplot as plt

    objectives = results.study.objectives
    features: list[Labelled] = [*results.study.designable, *results.study.primary_descriptors]
    figure, axes = plt.subplots(
        len(objectives),
        1,
        figsize=(COLUMN_IN, 0.9 + (0.26 * len(features) + 0.55) * len(objectives)),
        squeeze=False,
    )
    for axis, objective in zip(axes[:, 0], objectives, strict=True):
        part = results.importances
        part = part[(part["variant"] == results.study.primary_variant) & (part["objective"] == objective.name)]
        # reversed, so that the first feature is at the top
        for height, feature in enumerate(reversed(features)):
            values = part.loc[part["feature"] == feature.name, "rmse_increase"].to_numpy()
            axis.plot(values, np.full(len(values), height), "|", color=BLUE, alpha=0.45, ms=7)
            axis.plot(np.median(values), height, "o", color=ORANGE, ms=4)
        axis.set_yticks(range(len(features)), [feature.label for feature in reversed(features)])
        axis.set_ylim(-0.6, len(features) - 0.4)
        axis.axvline(0, color=GREY, lw=0.7)
        best = results.selected[results.selected["objective"] == objective.name].iloc[0]
        text = f"{objective.label}: {best['model']}, {best['verdict'].split(';')[0]}"
        axis.set_title("\n".join(textwrap.wrap(text, 42)), fontsize=6.5, loc="right")
        axis.set_xlabel(format_label("RMSE increase when shuffled", objective.unit), fontsize=7)
    return figure
