"""Closed loops: the life of what is recommended, round by round."""

from pathlib import Path

import pandas as pd

from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE, PURPLE, RED, SKY, house_style, save
from batterymi.files import read_json

COLOURS = (BLUE, SKY, GREEN, PURPLE, ORANGE, RED)
MARKERS = "os^Dv<"


def plot_closed_loop(runs_path: str, comparison_path: str, figure_path: str) -> None:
    """Draw mean true life of the recommended protocol over rounds, a panel per batch size.

    Args:
        runs_path: what loops recommended.
        comparison_path: the best life there is.
        figure_path: SVG to write; a PNG is written beside it.
    """
    runs, comparison = pd.read_csv(runs_path), read_json(comparison_path)
    batches = sorted(runs["batch"].unique())
    with house_style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(
            len(batches), 1, figsize=(COLUMN_IN, 1.9 * len(batches) + 0.7), sharex=True, squeeze=False
        )
        for axis, batch in zip(axes[:, 0], batches, strict=True):
            part = runs[runs["batch"] == batch]
            for place, method in enumerate(dict.fromkeys(part["method"])):
                grouped = part[part["method"] == method].groupby("round")["life_cycles"]
                mean, error = grouped.mean(), 1.96 * grouped.sem()
                shifted = mean.index + 0.05 * (place - 2.5)
                axis.errorbar(
                    shifted, mean, error, color=COLOURS[place], marker=MARKERS[place], ms=3, lw=0.9, label=method
                )
            axis.axhline(comparison["best_life"], color=GREY, lw=0.7, ls="--")
            axis.set_title(f"{batch} tests a round, {comparison['seeds']} loops")
            axis.set_ylabel("Life (cycles)")
        axes[-1, 0].set_xlabel("Rounds (dashed: the best protocol)")
        axes[-1, 0].set_xticks(range(1, comparison["rounds"] + 1))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        target = Path(figure_path)
        save(figure, target.parent, target.stem)
