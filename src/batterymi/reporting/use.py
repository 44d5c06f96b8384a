"""What models are used for, in sentences for the summary: ranking, thresholds, tests on other rows, transfer."""

from collections.abc import Mapping, Sequence
from typing import Any

from batterymi.vocabulary.verdicts import describe_looks, describe_worth


def describe_ranks(found: Mapping[str, Any]) -> str:
    """Return the rank correlation over all rows and within families."""
    if found["spearman"] is None:
        return "no rank correlation, since all predictions are the same"
    text = f"rank correlation {_write(found, 'spearman')} over all rows"
    within = found["within_families"]
    if within and within["spearman"] is not None:
        text += f", {_write(within, 'spearman')} within {within['families']} families of 10 rows or more"
    ranked = [family for family in found["families"] or () if family["spearman"] is not None]
    each = ", ".join(f"{f['family']} {f['spearman']:.2f} ({f['rows']} rows)" for f in ranked)
    return f"{text}: {each}" if each else text


def describe_threshold(found: Mapping[str, Any], unit: str) -> str:
    """Return how well values beyond the threshold are foreseen, beside the share of all rows."""
    text = f"{found['side']} {found['value']:g}{unit} ({found['beyond']} of {found['rows']} rows): "
    text += "no area under the curve" if found["auc"] is None else f"area under the curve {_write(found, 'auc')}"
    text += f", Brier score {_write(found, 'brier')} (base rate alone {found['brier_of_base_rate']:.2f})"
    first = [f"{_write(entry, 'precision')} of the first {entry['n']}" for entry in found["first"]]
    return f"{text}; there lie {' and '.join(first)} of the ranking, {found['base_rate']:.2f} of all" if first else text


def describe_stricter(groupings: Sequence[Mapping[str, Any]] | None) -> str:
    """Return the scores by splits that keep more together than the study's own."""
    return "; ".join(
        f"R² {_write(entry, 'r2')}, MAE {entry['mae']:.3g} by {entry['split']} ({entry['groups']} groups)"
        for entry in groupings or ()
        if entry["is_stricter"]
    )


def describe_official_test(found: Mapping[str, Any], unit: str) -> str:
    """Return the scores on the official test split, and how often they were seen."""
    own = found["scores"][found["selected"]]
    scores_of_rest = ", ".join(
        f"{name} {scores['mae']:.2f}" for name, scores in found["scores"].items() if name != found["selected"]
    )
    ranks = "no rank correlation" if own["spearman"] is None else f"rank correlation {own['spearman']:.2f}"
    text = (
        f"{found['selected']} MAE {_write(own, 'mae')}{unit}, R² {own['r2']:.2f}, {ranks} on {own['rows']} rows, "
        f"{describe_looks(found['looks'])}{': ' + found['note'] if found['note'] else ''}; without "
        f"{found['n_censored']} bounds {found['mae_without_censored']:.2f}; {scores_of_rest}"
    )
    threshold = found.get("use", {}).get("threshold")
    return f"{text}; {describe_threshold(threshold, unit)}" if threshold else text


def describe_external(found: Mapping[str, Any], unit: str) -> str:
    """Return the scores on rows of another data set, and which were left out."""
    scores, alike = found["scores"], ", ".join(f"{n} by {name}" for name, n in found["alike"].items())
    text = (
        f"{found['model']} ({found['variant']}) on {scores['rows']} rows of {found['dataset']} that are like none of "
        f"ours (left out: {alike}): MAE {_write(scores, 'mae')}{unit}, R² {_write(scores, 'r2')}, "
        f"{describe_ranks(found['use'])}; 95 % intervals cover {found['coverage']['0.95']:.0%}"
    )
    threshold = found["use"]["threshold"]
    return f"{text}; {describe_threshold(threshold, unit)}" if threshold else text


def describe_transfer(found: Mapping[str, Any], unit: str) -> str:
    """Return the gain of transfer, first where own rows are few, then with all of them, by every strategy."""
    few = found["few_rows"]
    lead = ""
    if few:
        own, helped = few["own"], few["helped"]
        lead = (
            f"with {few['rows']} own rows {helped['strategy']} takes the MAE from {own['mae']:.2f} to "
            f"{helped['mae']:.2f}{unit} ({_describe_gain(helped)}) and R² from {own['r2']:.2f} to {helped['r2']:.2f}; "
        )
    parts = [f"{e['strategy']} MAE {e['mae']:.3f}, R² {e['r2']:.2f} ({_describe_gain(e)})" for e in found["strategies"]]
    worth = found["worth_rows"]
    more = (
        f"; {found['pooled']['strategy']} with {worth['rows']} own rows, against the {found['learned_in_a_fold']} that "
        f"a fold has, alone: {describe_worth(worth, unit)}"
        if worth
        else ""
    )
    return f"{lead}with all {found['own_rows']} ({found['model']}): {'; '.join(parts)}{more}"


def _describe_gain(entry: Mapping[str, Any]) -> str:
    """Return the gain over own rows only, with its interval and verdict."""
    if "verdict" not in entry:
        return "baseline"
    return f"{entry['verdict']}: {entry['mae_gain']:.3f} [{entry['mae_gain_lower']:.3f}, {entry['mae_gain_upper']:.3f}]"


def _write(found: Mapping[str, Any], name: str) -> str:
    """Return a number with its interval, if it has one."""
    low, high = found[f"{name}_lower"], found[f"{name}_upper"]
    if found[name] is None:
        return "unknown"
    return f"{found[name]:.2f}" if low is None or high is None else f"{found[name]:.2f} [{low:.2f}, {high:.2f}]"
