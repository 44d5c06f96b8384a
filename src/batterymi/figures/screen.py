"""The funnel of a screen: how many candidates pass each gate, and the best of those that pass all."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.config.screen import CHANCE
from batterymi.figures.axes import draw_target, prefix_label
from batterymi.figures.style import BLACK, BLUE, COLUMN_IN, GREY, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 20
PLAIN = ("lower_95", "predicted", "upper_95")
PRODUCT = ("product_lower_95", "product", "product_upper_95")


def draw_screen(top: pd.DataFrame, report: dict[str, Any], objective: Objective) -> "Figure":
    """Draw the candidates left after each gate, and intervals of the best.

    Where no gate stops a candidate, predictions over the distance to the rows are drawn instead of a funnel.

    Args:
        top: the best candidates, best first.
        report: the account of the screen.
        objective: what was predicted.
    """
    import matplotlib.pyplot as plt

    stopped = report["dropped"] or any(step["passed"] < step["entered"] for step in report["funnel"])
    n_bars = 2 * (len(report["funnel"]) + len(report["likely"] or ())) + 2 if stopped else 20
    height = 0.55 + 0.14 * max(min(len(top), SHOWN), n_bars, 8)
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN_IN, height))
    if stopped:
        _draw_funnel(left, report)
    else:
        _draw_distances(left, top, report, objective)
    _draw_best(right, top.head(SHOWN), report, objective)
    return figure


def _draw_funnel(axis: "Axes", report: dict[str, Any]) -> None:
    """Draw bars of the candidates left after each gate."""
    labels = ["candidates", *(step["gate"] for step in report["funnel"])]
    counts = [report["candidates"], *(step["passed"] for step in report["funnel"])]
    notes = [f"{report['dropped']:,} unreadable" if report["dropped"] else ""]
    notes += [f"{step['unknown']:,} unknown" if step["unknown"] else "" for step in report["funnel"]]
    if report["undecided"]:
        labels.append("of these, nothing unknown")
        counts.append(report["passed"] - report["undecided"])
        notes.append("")
    for least, count in (report["likely"] or {}).items():
        labels.append(f"P(beyond {report['threshold_of_target']:g}) > {least}")
        counts.append(count)
        notes.append("")
    places = np.arange(len(labels))[::-1]
    axis.barh(places, np.maximum(counts, 0.8), color=BLUE, height=0.6)
    for place, count, note in zip(places, counts, notes, strict=True):
        text = f" {count:,}" + (f"  ({note})" if note else "")
        axis.text(max(count, 1), place, text, va="center", fontsize=6.5)
    axis.set_yticks(places, labels, fontsize=6.5)
    axis.set_xscale("log")
    axis.set(xlim=(0.8, 60 * max(counts)), xlabel="Candidates")
    axis.set_title("Candidates that pass each gate, in order", fontsize=6.5)


def _draw_distances(axis: "Axes", top: pd.DataFrame, report: dict[str, Any], objective: Objective) -> None:
    """Draw predictions of the listed candidates over their distance to the rows."""
    inside = top["inside"].to_numpy(bool)
    for part, colour, label in ((inside, BLUE, "inside"), (~inside, RED, "outside")):
        legend_text = f"{label}: {part.sum():,}"
        axis.plot(top["distance"][part], top["predicted"][part], ".", color=colour, ms=3, alpha=0.6, label=legend_text)
    if report["threshold"] is not None:
        axis.axvline(report["threshold"], color=GREY, ls="--", lw=1)
    axis.set_xscale("log")
    predicted = prefix_label("Predicted", objective.axis_label)
    axis.set(xlabel="Distance to the rows learned from (scaled)", ylabel=predicted)
    axis.set_title(
        f"Best {len(top):,} of {report['candidates']:,} candidates and the applicability domain:\n"
        "left of the dashed line, and no number out of the rows' range",
        fontsize=6.5,
    )
    axis.legend()


def _draw_best(axis: "Axes", shown: pd.DataFrame, report: dict[str, Any], objective: Objective) -> None:
    """Draw the best candidates with their intervals."""
    names = shown["formula"] + (" (" + shown["id"] + ")" if "id" in shown else "")
    beyond = report["threshold_of_target"]
    if beyond is not None:
        names += [f"  P = {chance:.2f}" for chance in shown[CHANCE]]
    if "known_bad" in shown:
        names += ["; measured: worse" if bad else "" for bad in shown["known_bad"]]
    heights = np.arange(len(shown))[::-1]
    product = report["product"]
    lower, value, upper = PRODUCT if product else PLAIN
    for place, (_, row) in zip(heights, shown.iterrows(), strict=True):
        colour = BLUE if row["inside"] else RED
        axis.plot([row[lower], row[upper]], [place, place], color=colour, lw=1)
        axis.plot(row[value], place, "o", color=colour, ms=3)
    axis.set_yticks(heights, list(names), fontsize=6)
    if product:
        axis.set_xlabel(f"{product['label']} ({product['unit']})")
    else:
        draw_target(axis, objective.window, along="x")
        axis.set_xlabel(objective.axis_label)
    best = f"Likeliest {len(shown)}" if report["order_by"] == CHANCE else f"Best {len(shown)}"
    dotted = "" if beyond is None else f"; dotted, P: beyond {beyond:g}"
    dashed = "" if product else "; dashed: mean of all scored"
    if beyond is not None and not product:
        axis.axvline(beyond, color=BLACK, ls=":", lw=1)
    if report["mean_prediction"] is not None and not product:
        axis.axvline(report["mean_prediction"], color=GREY, ls="--", lw=0.8)
    axis.set_title(
        f"{best}, 95 % intervals{dashed}{dotted}\n{report['model']}, Q² {report['q2']:.2f}, {report['skill']}",
        fontsize=6,
        loc="right",
    )
