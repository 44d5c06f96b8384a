"""What a campaign saved, in cells of the summary."""

from collections.abc import Mapping
from typing import Any

from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.verdicts import ESTIMATE

Cells = dict[str, tuple[Any, str]]  # by column of the summary: a value, and the entry of StudyResults with its file
ENDS = ("", "_lower", "_upper")


def collect_gain(results: StudyResults) -> Cells:
    """Return what the campaign gained over random search, and over a rule if there is one."""
    comparison = results.benchmark["comparison"]
    if comparison is None:
        return {"gain_over_random": ("no campaign was run", "benchmark#comparison")}
    found: dict[str, Any] = {
        f"{key}{end}": comparison[f"{key}{end}"] for key in ("evaluations_saved", "final_gain") for end in ENDS
    }
    for end in ENDS:
        share = comparison[f"experiment_reduction{end}"]
        found[f"experiment_reduction{end}_percent"] = None if share is None else 100 * share
    found |= {key: comparison[key] for key in ("saved_is", "target", "seeds")}
    found["gain_over_random"] = comparison["verdict"]
    found["evaluations_by_target"] = "; ".join(_shorten_target(entry) for entry in comparison["targets"])
    found["evaluations_to_targets"] = "; ".join(_describe_target(entry) for entry in comparison["targets"])
    if comparison.get("against_rule"):
        found["against_rule"] = comparison["against_rule"]
    if comparison.get("conditions"):
        found["worth_finding"] = "; ".join(_describe_condition(entry) for entry in comparison["conditions"])
    found["final_score_quartiles"] = [comparison["final_best"][key] for key in ("lower", "median", "upper")]
    found["failures"] = results.benchmark["failures"]
    return {key: (value, f"benchmark#{_name_key(key)}") for key, value in found.items()}


def _name_key(column: str) -> str:
    """Return where the file of the campaign has what a column of the summary says."""
    if column == "failures":
        return column
    named = {"gain_over_random": "verdict", "final_score_quartiles": "final_best", "worth_finding": "conditions"}
    if column.startswith("evaluations_") and "target" in column:
        return "comparison.targets"
    return f"comparison.{named.get(column, column.removesuffix('_percent'))}"


def format_interval(middle: float, low: float | None, high: float | None, digits: int, kind: str | None) -> str:
    """Return a number with its interval, and what kind of number it is; an end that is None is open."""
    lower = "(−∞" if low is None else f"[{low:.{digits}f}"
    upper = "∞)" if high is None else f"{high:.{digits}f}]"
    bound = f"{kind} " if kind and kind != ESTIMATE else ""
    return f"{bound}{middle:.{digits}f} {lower}, {upper}"


def _shorten_target(entry: Mapping[str, Any]) -> str:
    """Return the evaluations of engine and random search to a target, in few characters."""
    means = [_format_mean(entry[name]) for name in ("engine", "random")]
    return f"{entry['label']}: {' / '.join(means)}"


def _describe_target(entry: Mapping[str, Any]) -> str:
    """Return the evaluations to a target with their intervals, beside those of random search and of a rule."""
    text = f"{entry['label']}: "
    if entry["saved"] is None:
        text += str(entry["gain"])
    else:
        ours, random = entry["engine"], entry["random"]
        text += (
            f"{_format_mean(ours)} evaluations after the start, random search {_format_mean(random)}"
            f"{' (exact)' if random['is_exact'] else ''}, saved "
            + format_interval(entry["saved"], entry["saved_lower"], entry["saved_upper"], 1, entry["saved_is"])
            + f" ({entry['seeds']} of {entry['seeds'] + entry['reached_by_start']} starts do not reach it)"
        )
    if "rule" in entry:
        alone, started = (_format_mean(entry[key]) for key in ("engine_against_rule", "with_rule"))
        text += f"; in all {alone}, the rule {entry['rule']:.1f}, started from the rule {started}"
    return text


def _format_mean(part: Mapping[str, Any]) -> str:
    """Return a mean number of evaluations; with campaigns that never got there it is a lower bound."""
    return "-" if part["mean"] is None else f"{'≥ ' if part['censored'] else ''}{part['mean']:.1f}"


def _describe_condition(entry: Mapping[str, Any]) -> str:
    """Return a condition with the number of rows that meet it, and why it is there."""
    when = "known before" if entry["known_before"] else "found by the measurement"
    return f"{entry['expression']} ({entry['meet']} of {entry['rows']} rows, {when}): {entry['reason']}"
