"""Interactive figures of campaigns: values over evaluations, and objectives that compete."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.parts import Objective
from batterymi.figures.campaign import ENGINES, compute_band, make_score_label
from batterymi.figures.interactive.base import (
    Chart,
    make_error_bars,
    make_figure,
    quote_text,
    quote_texts,
)
from batterymi.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED
from batterymi.optimise.space.pareto import compute_costs, is_pareto_optimal
from batterymi.optimise.space.score import compute_violation, find_certain, get_sides, read_limits
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import LOWER, UPPER, describe_side
from batterymi.vocabulary.splits import SPLIT, TRAIN
from batterymi.vocabulary.targets import RANDOM, RULE, WITH_RULE
from batterymi.vocabulary.units import format_unit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FILLS = {BLUE: "rgba(0,114,178,0.22)", ORANGE: "rgba(230,159,0,0.25)"}
# of rows by the sides of two bounds: the corner or edge to which they point is where the true value lies
BOUND_SYMBOLS = {
    (UPPER, 0): "triangle-left",
    (LOWER, 0): "triangle-right",
    (0, UPPER): "triangle-down",
    (0, LOWER): "triangle-up",
    (UPPER, UPPER): "triangle-sw",
    (UPPER, LOWER): "triangle-nw",
    (LOWER, UPPER): "triangle-se",
    (LOWER, LOWER): "triangle-ne",
}
NAMES = ("rank", "suggestion", "label")  # columns that say which suggestion it is: of searches, batches, pools


def chart_campaign(results: StudyResults) -> Chart | None:
    """Draw the best feasible value over evaluations, beside random search; None where no campaign was run."""
    history, comparison = results.history, results.benchmark["comparison"]
    if history.empty or comparison is None:
        return None
    figure = make_figure("Evaluations")
    engine, notes = results.study.campaign.engine, []
    for name, colour in ((engine, BLUE), (RANDOM, ORANGE)):
        band, empty = compute_band(results, history[history["engine"] == name])
        label = f"{name.replace('_', ' ')}: median, quartiles"
        _add_band(figure, band, quote_text(label), colour)
        notes += [f"{name.replace('_', ' ')}: {empty}"] if empty else []
    for name, colour in ((RULE, GREEN), (WITH_RULE, PURPLE)):
        if (history["engine"] == name).any():
            band, _ = compute_band(results, history[history["engine"] == name])
            _add_line(figure, band, f"{ENGINES[name]}: median", {"color": colour, "dash": "dash"})
    start = float(comparison["initial"]) + 0.5
    figure.add_vline(x=start, line={"color": GREY, "width": 1.5, "dash": "dot"})
    note = f"{comparison['seeds']} campaigns of each. Dotted: end of the start that they share."
    return Chart(
        "campaign",
        "What the campaign gained",
        " ".join([note, *(f"{text[0].upper()}{text[1:]}." for text in notes)]),
        make_score_label(results).replace("\n", " "),
        ("history", "benchmark"),
        figure,
        f"Best value over evaluations of {engine} and of random search, {comparison['seeds']} seeds: "
        f"{comparison['verdict']}.",
    )


def chart_front(results: StudyResults) -> Chart | None:
    """Draw two objectives over each other, rows and suggestions; None where a study has only one.

    They are the first two that are optimised, or the only one and the first that has a limit.
    """
    axes = choose_axes(results)
    if axes is None:
        return None
    x, y = axes
    rows = results.table[results.table[SPLIT] == TRAIN].dropna(subset=[x.name, y.name])
    figure = make_figure(x.axis_label)
    best = _find_front(rows, results) if x.is_optimised and y.is_optimised else pd.Series(False, index=rows.index)
    sides = get_sides(rows, axes)
    none = np.zeros(len(rows), dtype=bool)
    bounds = pd.Series(np.any([none, *(side != 0 for side in sides.values())], axis=0), index=rows.index)
    for label, part, colour in (
        ("rows", rows[~best & ~bounds], GREY),
        ("best compromises among the rows", rows[best & ~bounds], BLUE),
    ):
        if len(part):
            figure.add_scatter(**_make_points(part, axes), name=label, marker={"color": colour, "size": 7})
    _draw_bounds(figure, rows, axes, sides)
    drawn = results.suggestions
    if {x.name, y.name} <= set(drawn.columns) and len(drawn):
        figure.add_scatter(
            **_make_points(drawn, axes, next(name for name in NAMES if name in drawn)),
            name="suggestions, 95 % intervals",
            marker={"color": ORANGE, "size": 12, "symbol": "star", "line": {"color": BLACK, "width": 0.8}},
            error_x=_find_error_bars(drawn, x.name),
            error_y=_find_error_bars(drawn, y.name),
        )
    known = results.reference_designs.dropna(subset=[x.name, y.name]) if len(results.reference_designs) else None
    if known is not None and len(known):
        marker = {"color": GREEN, "size": 10, "symbol": "diamond-open", "line": {"width": 2}}
        figure.add_scatter(**_make_points(known, axes, "name"), name="reference designs", marker=marker)
    has_limits = _draw_limits(figure, results, axes)
    return Chart(
        "front",
        f"{x.label} against {y.label}",
        _describe_goals(axes, has_limits),
        y.axis_label,
        ("table", "suggestions", "reference_designs"),
        figure,
        f"{y.label} over {x.label} for {len(rows)} rows and {len(drawn)} suggestions.",
    )


def _draw_bounds(
    figure: "Figure", rows: pd.DataFrame, axes: tuple[Objective, Objective], sides: Mapping[str, Array]
) -> None:
    """Draw the rows of which an outcome is only a bound, with marks that point to where the true value lies."""
    none = np.zeros(len(rows))
    pairs = np.column_stack([sides.get(objective.name, none) for objective in axes]).astype(int)
    for pair in sorted({(int(x), int(y)) for x, y in pairs if x or y}):
        part = rows[(pairs == pair).all(axis=1)]
        words = [f"{o.label} {describe_side(side).strip()}" for o, side in zip(axes, pair, strict=True) if side]
        marker = {"color": RED, "size": 8, "symbol": BOUND_SYMBOLS[pair]}
        name = quote_text(f"{' and '.join(words)}: only a bound is known")
        before = describe_side(pair[0]), describe_side(pair[1])
        figure.add_scatter(**_make_points(part, axes, before=before), name=name, marker=marker)


def choose_axes(results: StudyResults) -> tuple[Objective, Objective] | None:
    """Return the two objectives that compete; None where there is only one."""
    optimised = [o for o in results.study.objectives if o.is_optimised]
    limited = [o for o in results.study.objectives if o.limits and o not in optimised[:1]]
    further = [*optimised[1:], *limited]
    known = [o for o in further if o.name in results.table]
    if not optimised or not known or optimised[0].name not in results.table:
        return None
    return optimised[0], known[0]


def _find_front(rows: pd.DataFrame, results: StudyResults) -> "pd.Series[bool]":
    """Return which rows meet all limits and are beaten in all optimised objectives by none that does.

    Of bounds those count that are at least as good as their number.
    """
    objectives = [o for o in results.study.objectives if o.is_optimised]
    limits = read_limits(results.benchmark["feasibility"]["limits"])
    needed = list(dict.fromkeys([*(o.name for o in objectives), *(limit.objective for limit in limits)]))
    good = rows.dropna(subset=needed)
    good = good[compute_violation(good, results.study.objectives, limits) <= 0]
    good = good[find_certain(get_sides(good, results.study.objectives), objectives, limits, len(good))]
    best = pd.Series(is_pareto_optimal(compute_costs(good, objectives)), index=good.index, dtype=bool)
    return best.reindex(rows.index, fill_value=False)


def _make_points(
    part: pd.DataFrame,
    axes: tuple[Objective, Objective],
    name_column: str = "line",
    before: tuple[str, str] = ("", ""),
) -> dict[str, Any]:
    """Return the markers of designs, which say what they are; of bounds, on which side the value lies."""
    word = {"line": "row ", "rank": "suggestion "}.get(name_column, "")
    names = quote_texts(f"{word}{name}" for name in part[name_column])
    x, y = axes
    lines = (
        f"<br>{quote_text(o.label)} {side}%{{{axis}:.4g}}{format_unit(o.unit)}"
        for o, axis, side in ((x, "x", before[0]), (y, "y", before[1]))
    )
    hover = "%{text}" + "".join(lines)
    values = {axis: part[o.name].to_numpy(float) for axis, o in (("x", x), ("y", y))}
    return {**values, "mode": "markers", "text": names, "hovertemplate": f"{hover}<extra></extra>"}


def _find_error_bars(part: pd.DataFrame, name: str) -> dict[str, Any] | None:
    """Return the error bars of predictions; None where they have no intervals."""
    columns = [f"{name}_lower_95", f"{name}_upper_95"]
    if not set(columns) <= set(part.columns):
        return None
    return make_error_bars(part[name], *(part[column] for column in columns))


def _draw_limits(figure: "Figure", results: StudyResults, axes: tuple[Objective, Objective]) -> bool:
    """Draw the limits in force on the two objectives, and their targets; return whether there are limits."""
    has_limits = False
    for objective, draw, span in (
        (axes[0], figure.add_vline, figure.add_vrect),
        (axes[1], figure.add_hline, figure.add_hrect),
    ):
        place = "x" if objective is axes[0] else "y"
        for side in ("at_least", "at_most"):
            limit = results.find_limit(objective.name, side)
            if limit is not None:
                has_limits = True
                draw(**{place: limit}, line={"color": RED, "width": 1.5, "dash": "dash"})
        if objective.window:
            ends = {f"{place}0": objective.window.low, f"{place}1": objective.window.high}
            span(**ends, fillcolor=GREEN, opacity=0.18, line={"width": 0})
    return has_limits


def _describe_goals(axes: tuple[Objective, Objective], has_limits: bool) -> str:
    """Return which way is better, in a sentence."""
    words = {-1: "more is better", 1: "less is better", 0: "nearer to the target is better"}
    parts = [f"{o.label}: {words[o.sign] if o.is_optimised else 'within its limits'}" for o in axes]
    return f"{'; '.join(parts)}.{' Dashed lines are limits.' if has_limits else ''}"


def _add_band(figure: "Figure", band: pd.DataFrame, label: str, colour: str) -> None:
    """Draw the median of one engine, and its quartiles as a band."""
    outline = np.concatenate([band.index, band.index[::-1]])
    edge = np.concatenate([band["low"], band["high"][::-1]])
    style = {"fill": "toself", "fillcolor": FILLS[colour], "line": {"width": 0}, "mode": "lines"}
    figure.add_scatter(x=outline, y=edge, hoverinfo="skip", showlegend=False, **style)
    _add_line(figure, band, label, {"color": colour, "width": 2.5})


def _add_line(figure: "Figure", band: pd.DataFrame, label: str, line: dict[str, Any]) -> None:
    """Draw the median of one engine."""
    x, y = band.index.to_numpy(), band["middle"].to_numpy(float)
    figure.add_scatter(x=x, y=y, mode="lines", line=line, name=label, hovertemplate="%{x} evaluations: %{y:.4g}")
