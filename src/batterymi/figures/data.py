"""Data overview: every objective over every feature."""

from typing import TYPE_CHECKING

from batterymi.figures.axes import make_panels, wrap_text
from batterymi.figures.style import BLUE, COLUMN_IN
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import find_compound_column
from batterymi.vocabulary.splits import SPLIT, TRAIN

MOST = 5  # features that fit side by side

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_data(results: StudyResults) -> "Figure":
    """Draw every objective over every feature; with many features or none, over the most important few."""
    features = results.study.features
    return _draw_grid(results) if 0 < len(features) <= MOST else _draw_selected(results)


def _draw_grid(results: StudyResults) -> "Figure":
    """Draw one panel per objective and feature."""
    import matplotlib.pyplot as plt

    features, objectives = results.study.features, results.study.objectives
    rows = results.table[results.table[SPLIT] == TRAIN]
    size = (max(COLUMN_IN, 1.7 * len(features)), max(1.9, 1.5 * len(objectives)))
    figure, axes = plt.subplots(len(objectives), len(features), figsize=size, sharex="col", sharey="row", squeeze=False)
    for row, objective in zip(axes, objectives, strict=True):
        for axis, feature in zip(row, features, strict=True):
            axis.scatter(rows[feature.name], rows[objective.name], s=12, color=BLUE, alpha=0.8, linewidths=0)
            axis.margins(0.12)
        row[0].set_ylabel(wrap_text(objective.axis_label, 18 if len(objectives) > 1 else 26))
    for axis, feature in zip(axes[-1], features, strict=True):
        axis.set_xlabel(wrap_text(feature.axis_label, 22))
    figure.suptitle(f"{results.study.title}: {len(rows)} rows", fontsize=8)
    return figure


def _draw_selected(results: StudyResults) -> "Figure":
    """Draw the first objective's distribution, the group sizes, and it over the most important features."""
    from matplotlib.ticker import MaxNLocator

    objective, groups = results.study.objectives[0], results.study.table.group_columns
    rows = results.table[results.table[SPLIT] == TRAIN]
    worth = results.importances.groupby("feature")["rmse_increase"].median()
    numbers = [f for f in results.study.features if not f.is_category and f.name in worth]
    # two panels are for the distribution and the groups
    shown = sorted(numbers, key=lambda feature: -worth[feature.name])[: MOST - 2]
    n_panels = 1 + bool(groups) + len(shown)
    figure, axes = make_panels(n_panels, min(3, n_panels), 2.35, 2.0)
    panels = iter(axes)
    axis = next(panels)
    for split, part in results.table[results.table[objective.name].notna()].groupby(SPLIT, sort=False):
        axis.hist(part[objective.name].astype(float), bins=40, alpha=0.6, label=f"{split}: {len(part)}")
    axis.set_yscale("log")
    # small numbers have long labels, as conductivities
    axis.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4), useMathText=True)
    axis.set(xlabel=wrap_text(objective.axis_label, 28), ylabel="Rows")
    axis.legend(fontsize=6)
    if groups:
        axis = next(panels)
        sizes = (
            rows.groupby(find_compound_column(rows.columns, groups[0])).size().sort_values(ascending=False).to_numpy()
        )
        axis.plot(range(1, len(sizes) + 1), sizes, color=BLUE)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylim(bottom=0)
        axis.set(xlabel=wrap_text(f"Groups ({groups[0]}), largest first", 28), ylabel="Rows per group")
    for axis, feature in zip(panels, shown, strict=True):
        axis.scatter(rows[feature.name].astype(float), rows[objective.name], s=5, color=BLUE, alpha=0.5, linewidths=0)
        axis.set_xlabel(wrap_text(feature.axis_label, 28))
        axis.set_ylabel(wrap_text(objective.axis_label, 24), fontsize=6)
    figure.suptitle(f"{results.study.title}: {len(rows)} rows to score", fontsize=8)
    return figure
