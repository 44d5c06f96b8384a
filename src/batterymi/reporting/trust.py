"""What validation, transfer, ranking and pool campaigns found, in sentences for the summary."""

from typing import Any

from batterymi.config.study import Study


def trust_cells(
    study: Study,
    validation: dict[str, Any],
    benchmark: dict[str, Any],
    transfer: dict[str, Any] | None,
    ranking: dict[str, Any] | None,
    screen: dict[str, Any] | None = None,
) -> dict[str, tuple[Any, str]]:
    """Cells of the summary beyond scores: each a value and the name of the file that it stands in.

    Args:
        study: the study's settings.
        validation: by objective, what `validate` found.
        benchmark: the campaign's findings.
        transfer: comparison of ways to transfer, or None.
        ranking: report on ranked candidates, or None.
        screen: report on a screen of candidates, or None.

    Returns:
        Cells by column of the summary.
    """
    first = next((o for o in study.objectives if o.name in validation), None)
    if first is None:
        return {}
    found, unit = validation[first.name], "" if first.unit == "1" else f" {first.unit}"
    cells: dict[str, tuple[Any, str]] = {"calibration": (_calibration(found["calibration"], unit), "validation")}
    cells["suspicious_features"] = (_alone(found["single_features"]), "validation")
    if found["groupings"]:
        cells["groupings"] = (_groupings(found["groupings"]), "validation")
        cells |= {f"r2_by_{_key(e['split'])}": (e["r2"], "validation") for e in found["groupings"]}
    if found["noise"] and found["noise"]["sets"]:
        cells["noise_floor"] = (_noise(found["noise"], unit), "validation")
    if found["censoring"]:
        cells["bounds"] = (_bounds(found["censoring"], unit), "validation")
    if found["learning_curve"] and "doubled" in found["learning_curve"]:
        cells["more_rows"] = (_more_rows(found["learning_curve"]["doubled"], unit), "validation")
    if found["test"]:
        cells["official_test"] = (_official(found["test"], unit), "validation")
        cells["official_test_mae"] = (found["test"]["scores"][found["test"]["selected"]]["mae"], "validation")
    if "acceleration" in benchmark:
        cells["evaluations_to_top"] = (
            "; ".join(_describe_acceleration(one) for one in benchmark["acceleration"]),
            "benchmark",
        )
        cells["acceleration"] = (benchmark["acceleration"][0]["first"]["acceleration"], "benchmark")
    if transfer:
        cells["transfer"] = (_transfer(transfer, unit), "transfer")
    if ranking:
        cells["candidates"] = (_ranking(ranking, unit), "ranking")
    if screen:
        cells["screen"] = (_screen(screen, unit), "screen")
    return cells


def _key(split: str) -> str:
    """A column's name from the name of a split."""
    return split.replace(" + ", "_and_")


def _calibration(entries: list[dict[str, float]], unit: str) -> str:
    """Coverage by level."""
    return "; ".join(
        f"{e['level']:.0%} intervals cover {e['coverage']:.0%} [{e['coverage_lower']:.0%}, {e['coverage_upper']:.0%}], "
        f"median ±{e['half_width']:.2g}{unit}"
        for e in entries
    )


def _alone(entries: list[dict[str, Any]]) -> str:
    """Features that explain the objective alone."""
    return "; ".join(f"{e['feature']} alone gives R² {e['r2']:.2f} ({e['by']})" for e in entries)


def _groupings(entries: list[dict[str, Any]]) -> str:
    """R² by each way to split."""
    text = "; ".join(
        f"{e['split']}: R² {e['r2']:.2f} [{e['r2_lower']:.2f}, {e['r2_upper']:.2f}], MAE {e['mae']:.3g}"
        for e in entries
    )
    warned = [e["split"] for e in entries if e["warning"]]
    return f"{text}. Random folds flatter against: {', '.join(warned)}" if warned else text


def _noise(found: dict[str, Any], unit: str) -> str:
    """Scatter of repeats."""
    return (
        f"{found['rows']} rows in {found['sets']} sets of repeats scatter by {found['deviation']:.2g} "
        f"[{found['deviation_lower']:.2g}, {found['deviation_upper']:.2g}]{unit}; a perfect model would reach MAE "
        f"{found['mae_of_a_perfect_model']:.2g}, R² {found['r2_of_a_perfect_model']:.2f}"
    )


def _bounds(found: dict[str, Any], unit: str) -> str:
    """What the treatment of bounds changes."""
    parts = []
    for name, one in found["treatments"].items():
        text = f"{name} {one['mae_one_sided']:.3g}{unit}"
        if "change" in one:
            text += f" (change [{one['change']['lower']:.2g}, {one['change']['upper']:.2g}])"
        parts.append(text)
    return f"{found['n_censored']} bounds; one-sided MAE if learned from as {', '.join(parts)}"


def _more_rows(double: dict[str, Any], unit: str) -> str:
    """What twice the rows would bring."""
    low, high = double["change_interval"]
    return (
        f"twice the rows would change the MAE by {double['change']:.2g} [{low:.2g}, {high:.2g}]{unit}, if the "
        f"power law of "
        "the learning curve holds"
    )


def _official(found: dict[str, Any], unit: str) -> str:
    """The official test split."""
    own = found["scores"][found["selected"]]
    others = ", ".join(f"{name} {one['mae']:.2f}" for name, one in found["scores"].items() if name != found["selected"])
    return (
        f"{found['selected']} MAE {own['mae']:.2f} [{own['mae_lower']:.2f}, {own['mae_upper']:.2f}]{unit}, R² "
        f"{own['r2']:.2f}, rank correlation {own['spearman']:.2f} on {own['rows']} rows, predicted once; without "
        f"{found['n_censored']} bounds {found['mae_without_censored']:.2f}; {others}"
    )


def _describe_acceleration(found: dict[str, Any]) -> str:
    """Measurements to the best rows of a pool."""
    first, half = found["first"], found["half"]
    return (
        f"best {found['share']:.0%} ({found['rows']} rows): first after {first['engine']['median']:.0f} "
        f"measurements, random "
        f"{first['random']['median']:.0f}, acceleration {first['acceleration']:.1f} "
        f"[{first['acceleration_lower']:.1f}, "
        f"{first['acceleration_upper']:.1f}]; half of them after {half['engine']['median']:.0f}, random "
        f"{half['random']['median']:.0f}{'+' if half['missed_random'] else ''}"
    )


def _transfer(found: dict[str, Any], unit: str) -> str:
    """Gains by strategy."""
    parts = [f"{e['strategy']} MAE {e['mae']:.3f}, R² {e['r2']:.2f} ({_gain(e)})" for e in found["strategies"]]
    few = [p for p in found["curves"] if p["strategy"] == found["best"]["strategy"]]
    least = min(few, key=lambda point: point["rows"]) if few else None
    worth = found["worth_rows"]
    more = f"; the best needs {worth} own rows for what {found['own_rows']} give alone" if worth else ""
    if least and "mae_gain" in least:
        more += f"; with {least['rows']} own rows {least['strategy']} {least['mae']:.3f} ({_gain(least)})"
    return f"{found['model']}: {'; '.join(parts)}{more}"


def _gain(entry: dict[str, Any]) -> str:
    """Gain over own rows only, with its interval and verdict."""
    if "verdict" not in entry:
        return "baseline"
    return f"{entry['verdict']}: {entry['mae_gain']:.3f} [{entry['mae_gain_lower']:.3f}, {entry['mae_gain_upper']:.3f}]"


def _ranking(found: dict[str, Any], unit: str) -> str:
    """How far a ranking of candidates can be believed."""
    return (
        f"{found['ranked']} ranked, {found['inside']} of them inside the model's ground; predictions spread by "
        f"{found['spread_of_predictions']:.2g}{unit} with a median 95 % half width of "
        f"{found['median_half_width_95']:.2g}"
    )


def _screen(found: dict[str, Any], unit: str) -> str:
    """Who passed the gates of a screen, and how wide the answers are."""
    steps = " → ".join(f"{step['passed']:,} {step['gate']}" for step in found["funnel"])
    return (
        f"{found['candidates']:,} candidates{' → ' if steps else ''}{steps}; {found['scored']:,} scored by "
        f"{found['model']} ({found['verdict']}); the best {found['listed']} have a median 95 % half width of "
        f"{_number(found['median_half_width_95_of_the_best'])}{unit}"
    )


def _number(value: float | None) -> str:
    """Two digits, or a word where there is no number."""
    return "unknown" if value is None else f"{value:.2g}"
