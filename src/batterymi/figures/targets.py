"""Evaluations that campaigns take to each of several targets, beside random search and a rule."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.figures.axes import wrap_text
from batterymi.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_WIDTH = 24  # characters of a line of a target's name
OFFSETS = {"engine": -0.14, "random": 0.14}


def draw_targets(axis: "Axes", comparison: Mapping[str, Any]) -> None:
    """Draw mean evaluations with 95 % intervals, one line of the axis per target, easy ones on top.

    A triangle marks a mean of which some campaigns never got there, so that it is a lower bound.
    """
    from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

    targets = sorted(comparison["targets"], key=_find_difficulty)
    has_rule = any("rule" in entry for entry in targets)
    for name, colour in (("engine", BLUE), ("random", ORANGE)):
        label = {"engine": comparison["engine"], "random": "random search"}[name]
        _draw_means(axis, [entry[name] for entry in targets], OFFSETS[name], colour, f"{label}, after the start")
    if has_rule:
        draw: dict[str, Any] = {"marker": "D", "ms": 4, "ls": "", "mfc": "none"}
        axis.plot([entry["rule"] for entry in targets], range(len(targets)), color=GREEN, label="rule, in all", **draw)
        started = [entry["with_rule"]["mean"] for entry in targets]
        axis.plot(started, range(len(targets)), color=PURPLE, label="from the rule, in all", **{**draw, "marker": "s"})
    declared = [place for place, entry in enumerate(targets) if entry["is_declared"]]
    for place in declared:
        axis.axhspan(place - 0.45, place + 0.45, color=GREY, alpha=0.15, lw=0)
    names = [wrap_text(_name_target(entry), NAME_WIDTH) for entry in targets]
    axis.set_yticks(range(len(targets)), names, fontsize=6)
    axis.set_ylim(len(targets) - 0.5, -0.5)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.set_xlabel("Evaluations (▸: at least; grey: declared)")
    axis.legend(loc="upper center", bbox_to_anchor=(0.4, -0.26), ncols=2 if has_rule else 1)


def _find_difficulty(entry: Mapping[str, Any]) -> tuple[float, float]:
    """Return what targets are sorted by: single designs before half of them, then small parts of the way first."""
    is_pool = entry["rows"] is not None
    return (float(entry["needed"] > 1), -entry["share"] if is_pool else entry["share"])


def _name_target(entry: Mapping[str, Any]) -> str:
    """Return the name of a target, and how many starts do not reach it."""
    return f"{entry['label'].removeprefix('the ')}, {entry['seeds']} starts"


def _draw_means(axis: "Axes", parts: Sequence[Mapping[str, Any]], offset: float, colour: str, label: str) -> None:
    """Draw the means of one engine; where every start reaches the target there is none."""
    is_named = False
    for place, part in enumerate(parts):
        if part["mean"] is None:
            continue
        ends = [part[f"mean_{end}"] for end in ("lower", "upper")]
        # the open end of a bound is not drawn
        low, high = (np.nan if end is None else end for end in ends)
        error = [[np.nan_to_num(part["mean"] - low)], [np.nan_to_num(high - part["mean"])]]
        marker = ">" if part["censored"] else "o"
        axis.errorbar(
            part["mean"],
            place + offset,
            xerr=np.maximum(error, 0),
            fmt=marker,
            color=colour,
            ms=4,
            elinewidth=0.8,
            label=None if is_named else label,
        )
        is_named = True
