"""Data overview: every objective over every feature."""

from typing import TYPE_CHECKING

from batterymi.config.units import with_unit
from batterymi.data.table import SPLIT, TRAIN
from batterymi.figures.inputs import StudyResults
from batterymi.figures.style import BLUE, COLUMN_IN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_data(results: StudyResults) -> "Figure":
    """Scatter every objective over every feature, one panel each."""
    import matplotlib.pyplot as plt

    features, objectives = results.study.features, results.study.objectives
    rows = results.table[results.table[SPLIT] == TRAIN]
    width = max(COLUMN_IN, 1.7 * len(features))
    figure, axes = plt.subplots(
        len(objectives),
        len(features),
        figsize=(width, max(1.9, 1.5 * len(objectives))),
        sharex="col",
        sharey="row",
        squeeze=False,
    )
    for row, objective in zip(axes, objectives, strict=True):
        for axis, feature in zip(row, features, strict=True):
            axis.scatter(rows[feature.name], rows[objective.name], s=12, color=BLUE, alpha=0.8, linewidths=0)
            axis.margins(0.12)
        row[0].set_ylabel(_wrapped(with_unit(objective.label, objective.unit), 18 if len(objectives) > 1 else 26))
    for axis, feature in zip(axes[-1], features, strict=True):
        axis.set_xlabel(_wrapped(with_unit(feature.label, feature.unit), 22))
    figure.suptitle(f"{results.study.title}: {len(rows)} rows", fontsize=8)
    return figure


def _wrapped(label: str, width: int) -> str:
    """A label broken into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(label, width))
