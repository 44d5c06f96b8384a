"""Quality of the surrogates: parity of held-out rows, and importances."""

from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.config.parts import Labelled
from batterymi.figures.axes import draw_observed_limits, make_panels, wrap_text
from batterymi.figures.style import BLUE, COLUMN_IN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import LOWER, UPPER
from batterymi.vocabulary.splits import ARROW, PARTITION
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def plot_parity(results: StudyResults) -> "Figure":
    """Draw held-out predictions with 95 % intervals over observations, one panel per objective; limits as arrows."""
    objectives = results.study.objectives
    size = (COLUMN_IN, 2.9) if len(objectives) == 1 else (2.5, 2.5)
    figure, panels = make_panels(len(objectives), min(len(objectives), 3), *size)
    for axis, objective in zip(panels, objectives, strict=True):
        best = find_selected(results, objective.name)
        part = select_held_out(results, objective.name)
        middle = part["predicted"].to_numpy()
        error = np.vstack([middle - part["lower_95"], part["upper_95"] - middle])
        style: dict[str, Any] = {"ms": 3, "color": BLUE, "ecolor": GREY, "elinewidth": 0.6, "alpha": 0.9}
        axis.errorbar(part["observed"], middle, yerr=error, fmt="o", **style)
        if "limit" in part:
            sides = part["limit"].map({"at most": UPPER, "at least": LOWER}).fillna(0).to_numpy()
            draw_observed_limits(axis, part["observed"].to_numpy(), middle, sides)
        ends = [min(part["observed"].min(), middle.min()), max(part["observed"].max(), middle.max())]
        axis.plot(ends, ends, color=ORANGE, lw=1, label="perfect")
        axis.set(xlabel="Observed", ylabel="Predicted, held out")
        axis.set_title(
            f"{objective.axis_label}\n{best['model']}: Q² {best['q2']:.2f} "
            f"[{best['q2_lower']:.2f}, {best['q2_upper']:.2f}]\n{best['verdict']}",
            fontsize=6.5,
        )
    return figure


def plot_importances(results: StudyResults) -> "Figure":
    """Draw the growth of the held-out error when a feature is shuffled: every repeat, and their median."""
    objectives = results.study.objectives
    labels = label_importances(results)
    figure, panels = make_panels(len(objectives), 1, COLUMN_IN, 0.26 * len(labels) + 0.55, 0.9)
    for axis, objective in zip(panels, objectives, strict=True):
        part = results.importances
        part = part[(part["variant"] == results.study.primary_variant) & (part["objective"] == objective.name)]
        # reversed, so that the first feature is at the top
        for height, name in enumerate(reversed(labels)):
            values = part.loc[part["feature"] == name, "rmse_increase"].to_numpy()
            axis.plot(values, np.full(len(values), height), "|", color=BLUE, alpha=0.45, ms=7)
            axis.plot(np.median(values), height, "o", color=ORANGE, ms=4)
        axis.set_yticks(range(len(labels)), list(reversed(labels.values())))
        axis.set_ylim(-0.6, len(labels) - 0.4)
        axis.axvline(0, color=GREY, lw=0.7)
        best = find_selected(results, objective.name)
        text = f"{objective.label}: {best['model']}, {best['verdict'].split(';')[0]}"
        axis.set_title(wrap_text(text, 42), fontsize=6.5, loc="right")
        axis.set_xlabel(format_label("RMSE increase, taken from another row", objective.unit), fontsize=7)
    return figure


def find_selected(results: StudyResults, objective: str) -> "pd.Series[Any]":
    """Return the scores of an objective's selected model."""
    return results.selected[results.selected["objective"] == objective].iloc[0]


def select_held_out(results: StudyResults, objective: str) -> "pd.DataFrame":
    """Return the held-out predictions of an objective's selected model, one for each row."""
    part = results.predictions
    return part[
        (part["variant"] == results.study.primary_variant)
        & (part["objective"] == objective)
        & (part["model"] == find_selected(results, objective)["model"])
        # one prediction per row, although the score is a mean over several partitions
        & (part[PARTITION] == 1)
    ]


def label_importances(results: StudyResults) -> dict[str, str]:
    """Return what has an importance, with its label: features, descriptors, and pairs of fractions."""
    features: list[Labelled] = [*results.study.designable, *results.study.primary_descriptors]
    return {feature.name: feature.label for feature in features} | _list_exchanges(results)


def _list_exchanges(results: StudyResults) -> dict[str, str]:
    """Return pairs of fractions that were exchanged, with their labels."""
    known = {feature.name: feature.label for feature in results.study.features}
    names = [str(name) for name in results.importances["feature"].unique() if ARROW in str(name)]
    return {name: ARROW.join(known.get(part, part) for part in name.split(ARROW)) for name in names}
