"""What validation, transfer and screens found, in sentences for the summary."""

from collections.abc import Mapping
from typing import Any

from batterymi.reporting.gain import Cells
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.use import (
    describe_external,
    describe_official_test,
    describe_ranks,
    describe_stricter,
    describe_threshold,
    describe_transfer,
)
from batterymi.vocabulary.units import format_unit

# where validation.json has what columns of the summary say, by objective; the others are called the same there
KEYS = {
    "ranks": "use",
    "suspicious_features": "single_features",
    "threshold": "use.threshold",
    "threshold_auc": "use.threshold.auc",
    "stricter_split": "groupings",
    "noise_floor": "noise",
    "bounds": "censoring",
    "more_rows": "learning_curve.doubled",
    "official_test": "test",
    "official_test_mae": "test.scores",
    "official_test_auc": "test.use.threshold.auc",
    "external_test": "external",
    "external_test_mae": "external.scores.mae",
}


def summarise_trust(results: StudyResults) -> Cells:
    """Return the cells of the summary that tell how far results can be trusted: texts of all objectives."""
    validation = results.validation["objectives"]
    objectives = [o for o in results.study.objectives if o.name in validation]
    if not objectives:
        return {}
    first, unit = objectives[0], format_unit(objectives[0].unit)
    optional = (
        ("transfer", results.transfer, "transfer", describe_transfer),
        ("screen", results.screen_report, "screen_report", _describe_screen),
    )
    cells: Cells = {}
    found = {o.name: _summarise_validation(validation[o.name], format_unit(o.unit)) for o in objectives}
    for key in dict.fromkeys(key for part in found.values() for key in part):
        texts = {name: part[key] for name, part in found.items() if key in part and isinstance(part[key], str)}
        texts = {name: text for name, text in texts.items() if text}
        if len(texts) > 1:
            cells[key] = (" | ".join(f"{name}: {text}" for name, text in texts.items()), "validation#objectives")
            continue
        # of numbers those of the first objective, as of its scores
        name = next(iter(texts), first.name)
        if key in found[name]:
            text = found[name][key] if name == first.name else f"{name}: {found[name][key]}"
            cells[key] = (text, f"validation#objectives.{name}.{_name_key(key)}")
    return cells | {key: (describe(part, unit), entry) for key, part, entry, describe in optional if part}


def _summarise_validation(found: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return what validation found for one objective; nothing of what does not apply to the study."""
    use = found["use"]
    cells: dict[str, Any] = {
        "partitions": found["partitions"],
        "ranks": describe_ranks(use),
        "calibration": _describe_calibration(found["calibration"], unit),
        "suspicious_features": _describe_single_features(found["single_features"]),
    }
    if use["threshold"]:
        cells["threshold"] = describe_threshold(use["threshold"], unit)
        cells["threshold_auc"] = use["threshold"]["auc"]
    if stricter := describe_stricter(found["groupings"]):
        cells["stricter_split"] = stricter
    if found["groupings"]:
        cells["groupings"] = _describe_groupings(found["groupings"])
        cells |= {f"r2_by_{_name_column(grouping['split'])}": grouping["r2"] for grouping in found["groupings"]}
    if found["noise"] and found["noise"]["sets"]:
        cells["noise_floor"] = _describe_noise(found["noise"], unit)
    if found["censoring"]:
        cells["bounds"] = _describe_bounds(found["censoring"], unit)
    if found["learning_curve"] and "doubled" in found["learning_curve"]:
        cells["more_rows"] = _describe_more_rows(found["learning_curve"]["doubled"], unit)
    if found["test"]:
        cells["official_test"] = describe_official_test(found["test"], unit)
        cells["official_test_mae"] = found["test"]["scores"][found["test"]["selected"]]["mae"]
        if found["test"]["use"]["threshold"]:
            cells["official_test_auc"] = found["test"]["use"]["threshold"]["auc"]
    if found["external"]:
        cells["external_test"] = describe_external(found["external"], unit)
        cells["external_test_mae"] = found["external"]["scores"]["mae"]
    return cells


def _name_key(column: str) -> str:
    """Return where validation.json has what a column of the summary says, below its objective."""
    return "groupings" if column.startswith("r2_by_") else KEYS.get(column, column)


def _name_column(split: str) -> str:
    """Return the name of a column from the name of a split."""
    return split.replace(" + ", "_and_")


def _describe_calibration(entries: list[dict[str, float]], unit: str) -> str:
    """Return the coverage of intervals by their level."""
    return "; ".join(
        f"{e['level']:.0%} intervals cover {e['coverage']:.0%} [{e['coverage_lower']:.0%}, {e['coverage_upper']:.0%}], "
        f"median ±{e['half_width']:.2g}{unit}"
        for e in entries
    )


def _describe_single_features(entries: list[dict[str, Any]]) -> str:
    """Return the features that explain the objective alone."""
    return "; ".join(f"{e['feature']} alone gives R² {e['r2']:.2f} ({e['by']})" for e in entries)


def _describe_groupings(entries: list[dict[str, Any]]) -> str:
    """Return R² by each way to split."""
    text = "; ".join(
        f"{e['split']}: R² {e['r2']:.2f} [{e['r2_lower']:.2f}, {e['r2_upper']:.2f}], MAE {e['mae']:.3g}"
        for e in entries
    )
    warned = [e["split"] for e in entries if e["warning"]]
    return f"{text}. Random folds are optimistic compared with: {', '.join(warned)}" if warned else text


def _describe_noise(found: dict[str, Any], unit: str) -> str:
    """Return the scatter of repeated measurements."""
    return (
        f"{found['rows']} rows in {found['sets']} sets of repeats scatter by {found['deviation']:.2g} "
        f"[{found['deviation_lower']:.2g}, {found['deviation_upper']:.2g}]{unit}; a perfect model would reach MAE "
        f"{found['mae_of_a_perfect_model']:.2g}, R² {found['r2_of_a_perfect_model']:.2f}"
    )


def _describe_bounds(found: dict[str, Any], unit: str) -> str:
    """Return what the treatment of bounds changes."""
    parts = []
    for name, scores in found["treatments"].items():
        text = f"{name} {scores['mae_one_sided']:.3g}{unit}"
        if "change" in scores:
            text += f" (change [{scores['change']['lower']:.2g}, {scores['change']['upper']:.2g}])"
        parts.append(text)
    lower = f" ({found['n_lower']} of them lower ones)" if found.get("n_lower") else ""
    return f"{found['n_censored']} bounds{lower}; one-sided MAE if treated as {', '.join(parts)}"


def _describe_more_rows(double: dict[str, Any], unit: str) -> str:
    """Return what twice as many rows would change."""
    low, high = double["change_interval"]
    return (
        f"twice the rows would change the MAE by {double['change']:.2g} [{low:.2g}, {high:.2g}]{unit}, if the "
        "power law of the learning curve holds"
    )


def _describe_screen(found: dict[str, Any], unit: str) -> str:
    """Return how many candidates passed each gate of a screen, and how wide the intervals are."""
    steps = " → ".join(f"{step['passed']:,} {step['gate']}" for step in found["funnel"])
    counts = [f"{n:,} with a probability above {least}" for least, n in (found["likely"] or {}).items()]
    if found.get("known_bad"):
        counts.append(f"{found['known_bad']:,} of the listed were measured elsewhere, and are not")
    likely = f"; beyond {found['threshold_of_target']:g}{unit}: {' and '.join(counts)}" if counts else ""
    likely += f"; of {found['undecided']:,} that pass a gate is unknown" if found["undecided"] else ""
    return (
        f"{found['candidates']:,} candidates{' → ' if steps else ''}{steps}; {found['scored']:,} scored by "
        f"{found['model']} ({found['skill']}), {found['inside']:,} of them inside the applicability domain; "
        f"predictions spread by {_round_number(found['spread_of_predictions'])}{unit}, the best {found['listed']:,} "
        f"have a median 95 % half width of {_round_number(found['median_half_width_95_of_the_best'])}{unit}{likely}"
    )


def _round_number(value: float | None) -> str:
    """Return a number in two digits, or a word where there is none."""
    return "unknown" if value is None else f"{value:.2g}"
