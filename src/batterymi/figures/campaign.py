"""Figure of campaigns beside random search: values over evaluations, and evaluations over targets."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.figures.axes import draw_observed_limits, prefix_label, stack_panels, wrap_text
from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE, PURPLE
from batterymi.figures.targets import draw_targets
from batterymi.reporting.gain import format_interval
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import LOWER, UPPER
from batterymi.vocabulary.targets import RANDOM, RULE, WITH_RULE
from batterymi.vocabulary.units import format_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTHING_FOUND = "No campaign found a design\nthat meets all limits"
ENGINES = {RULE: "rule", WITH_RULE: "from the rule"}


def plot_convergence(results: StudyResults) -> "Figure":
    """Draw the best feasible value over evaluations, and the evaluations to each target, beside random search."""
    from matplotlib.ticker import MaxNLocator

    campaign = results.study.campaign
    measured_groups = _group_measured_suggestions(results)
    comparison = results.benchmark["comparison"]
    n_targets = len(comparison["targets"]) if comparison else 0
    heights = [2.6, *([1.2 + 0.38 * n_targets] if n_targets else []), *[2.6] * len(measured_groups)]
    figure, (axis, *below) = stack_panels(heights, COLUMN_IN)
    if n_targets:
        draw_targets(below.pop(0), comparison)
    for lower, (name, part) in zip(below, measured_groups.items(), strict=True):
        _draw_earlier(lower, results, name, part)
    if results.history.empty:
        few = "Too few different designs\nto replay a campaign on"
        found = wrap_text(results.benchmark["feasibility"]["message"], 45)
        axis.text(0.5, 0.5, few if campaign.mode == "experiment" else found, ha="center", va="center")
        axis.set_axis_off()
        return figure
    history = results.history
    for engine, colour in ((campaign.engine, BLUE), (RANDOM, ORANGE)):
        _draw_band(axis, results, history[history["engine"] == engine], engine, colour)
    for engine, colour in ((RULE, GREEN), (WITH_RULE, PURPLE)):
        if (history["engine"] == engine).any():
            _draw_median(axis, results, history[history["engine"] == engine], ENGINES[engine], colour)
    axis.axvline(comparison["initial"] + 0.5, color=GREY, lw=0.7, ls=":")
    axis.set(xlabel="Evaluations (dotted: end of the shared start)", ylabel=make_score_label(results))
    axis.set_title(_make_title(comparison), fontsize=6.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlim(history["evaluation"].min() - 0.5, history["evaluation"].max() + 0.5)
    if not np.isfinite(history["best_so_far"]).any():
        axis.text(0.5, 0.5, NOTHING_FOUND, transform=axis.transAxes, ha="center", va="center")
        axis.set_yticks([])
    # below, where it covers no line
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24))
    return figure


def _make_title(comparison: Mapping[str, Any]) -> str:
    """Return the evaluations saved to the declared target, and the verdicts without their numbers."""
    lines = [re.split("[:;,]", comparison["verdict"])[0]]
    if comparison["evaluations_saved"] is not None:
        middle, low, high = (comparison[f"evaluations_saved{end}"] for end in ("", "_lower", "_upper"))
        saved = format_interval(middle, low, high, 1, comparison["saved_is"])
        lines = [f"{saved} evaluations saved, {comparison['seeds']} seeds", f"to {comparison['target']}", *lines]
    if comparison.get("against_rule"):
        lines.append(comparison["against_rule"].split(" (")[0])
    return "\n".join(wrap_text(line, 58) for line in lines)


def _draw_band(axis: "Axes", results: StudyResults, history: pd.DataFrame, label: str, colour: str) -> None:
    """Draw one engine's median line and quartile band; a campaign without a feasible design counts as worst."""
    band, empty = compute_band(results, history)
    axis.fill_between(band.index, band["low"], band["high"], color=colour, alpha=0.25, lw=0)
    axis.plot(band.index, band["middle"], color=colour, label=f"{label}: median, quartiles")
    if empty:
        # an empty line, for its text in the legend
        axis.plot([], [], " ", label=f"  {empty}")


def compute_band(results: StudyResults, history: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the quartiles of one engine's best values, and how many campaigns have none.

    A campaign without a feasible design counts as worst.

    Args:
        results: of the study.
        history: evaluations of one engine.

    Returns:
        `low`, `middle` and `high` over the number of evaluations, as far as half of the campaigns have a feasible
        design; and a text, empty where all have one.
    """
    factor = _find_score_factor(results)
    # scores are minimised, so infinity ranks campaigns without a feasible design last
    best = history.pivot(index="evaluation", columns="seed", values="best_so_far").fillna(np.inf)
    # not interpolated, since interpolation with infinity gives NaN
    quartiles = {"low": 0.25, "middle": 0.5, "high": 0.75}
    band = pd.DataFrame(
        {name: factor * best.quantile(q, axis=1, interpolation="higher") for name, q in quartiles.items()}
    )
    band = band[np.isfinite(band["middle"])]
    # an infinite quartile is drawn at the worst finite value
    ceiling = factor * float(np.max(best[np.isfinite(best)]))
    n_empty = int(np.isinf(best.iloc[-1]).sum())
    text = f"{n_empty} of {best.shape[1]} found no feasible design" if n_empty else ""
    return band.assign(high=band["high"].replace([np.inf, -np.inf], ceiling)), text


def _draw_median(axis: "Axes", results: StudyResults, history: pd.DataFrame, label: str, colour: str) -> None:
    """Draw one engine's median alone, where most campaigns are the same."""
    best = history.pivot(index="evaluation", columns="seed", values="best_so_far").fillna(np.inf)
    middle = _find_score_factor(results) * best.quantile(0.5, axis=1, interpolation="higher")
    shown = np.isfinite(middle)
    axis.plot(middle.index[shown], middle[shown], color=colour, ls="--", label=f"{label}: median")


def _group_measured_suggestions(results: StudyResults) -> dict[str, pd.DataFrame]:
    """Group earlier suggestions that were measured since, by objective."""
    if results.earlier is None:
        return {}
    measured = results.earlier[results.earlier["measured"].notna()]
    return {str(name): part for name, part in measured.groupby("objective", sort=False)}


def _draw_earlier(axis: "Axes", results: StudyResults, name: str, part: pd.DataFrame) -> None:
    """Draw predicted over measured values of suggestions that were measured."""
    target = next(objective for objective in results.study.objectives if objective.name == name)
    middle = part["predicted"]
    low, high = part["lower_95"].fillna(middle), part["upper_95"].fillna(middle)
    error = [middle - low, high - middle]
    axis.errorbar(part["measured"], middle, yerr=error, fmt="o", color=BLUE, ms=3, elinewidth=0.6)
    sides = part["limit"].map({"at most": UPPER, "at least": LOWER}).fillna(0).to_numpy()
    draw_observed_limits(axis, part["measured"].to_numpy(), middle.to_numpy(), sides)
    ends = [min(part["measured"].min(), low.min()), max(part["measured"].max(), high.max())]
    axis.plot(ends, ends, color=GREY, lw=0.7)
    n_inside, n_measured = int((part["inside_95"] == "yes").sum()), int((part["inside_95"] != "").sum())
    axis.set_title(f"Earlier suggestions: {n_inside} of {n_measured} within their 95 % interval", fontsize=7)
    measured, predicted = (prefix_label(word, target.axis_label) for word in ("Measured", "Predicted"))
    axis.set(xlabel=measured, ylabel=wrap_text(predicted, 34))


def _find_single(results: StudyResults) -> Objective | None:
    """Return the objective that alone makes the score, or None if there are several."""
    first, *further = results.study.optimised
    is_plain = first.weight == first.scale == 1 or first.window is not None
    return first if not further and is_plain else None


def _find_score_factor(results: StudyResults) -> float:
    """Return what turns a score back into the objective, its distance to a target, or a score to maximise."""
    only = _find_single(results)
    if only is None:
        return -1.0
    # rows of a pool have no score, but are ranked by the distance itself
    unit = 1.0 if results.study.campaign.mode == "replay" else only.scale / only.weight
    return float(only.sign) if only.window is None else unit


def make_score_label(results: StudyResults) -> str:
    """Return the label of the vertical axis, in lines."""
    only, campaign = _find_single(results), results.study.campaign
    if campaign.mode == "replay" and campaign.label:
        return wrap_text(prefix_label("Best", format_label(campaign.label, campaign.unit)), 34)
    if len(results.study.optimised) > 1:
        return "Hypervolume of the front\n(scaled units)"
    if only is None:
        return "Best feasible score\n(larger is better)"
    if only.window is not None:
        distance = f"Smallest distance of {only.label} to {only.window.text}"
        return wrap_text(format_label(distance, only.unit), 34)
    return wrap_text(prefix_label("Best feasible", only.axis_label), 34)
