"""What one study found: the cells of its summary, each with the file that the number is read from."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from batterymi.config.slices.reporting import ReportedStudy
from batterymi.reporting.best_design import describe_best, find_best_design
from batterymi.reporting.gain import Cells, collect_gain
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.trust import summarise_trust
from batterymi.vocabulary.units import format_unit
from batterymi.vocabulary.verdicts import explain_verdict

SETTINGS = ""  # instead of an entry: what the study's YAML says


def summarise_results(name: str, results: StudyResults) -> dict[str, dict[str, Any]]:
    """Collect the findings of a study.

    Args:
        name: the study's name.
        results: what it wrote.

    Returns:
        One entry for each column of the summary, with its `value` and its `source`: the file and, after `#`, the key or
        the row and column in it; nothing for settings.
    """
    study = results.study
    claimed = study.claimed.model_dump(exclude={"recipe", "lookups"}) if study.claimed else {}
    cells: Cells = {
        "study": (name, SETTINGS),
        "title": (study.title, SETTINGS),
        "edition": (study.edition, SETTINGS),
        "rows": (results.table_report["rows_to_learn_from"], "table_report#rows_to_learn_from"),
        "rows_are": (_name_origin(study), "table_report"),
        "features": (_list_features(study), "metrics"),
        **_collect_scores(results),
        "verdict": (join_verdicts(results.selected), f"metrics#variant={study.primary_variant},selected=True:verdict"),
        "verdict_means": (_explain_verdicts(results), f"metrics#variant={study.primary_variant},selected=True:p_value"),
        "variants": (_describe_variants(results), "metrics"),
        "feasibility": (_describe_feasibility(results.benchmark), "benchmark#feasibility"),
        **describe_best(find_best_design(results)),
        **collect_gain(results),
        **summarise_trust(results),
        "remarks": (" ".join(study.remarks), SETTINGS),
        "reference_designs": (_describe_reference_designs(results.reference_designs), "reference_designs"),
        "replay": (describe_replay(results.replay, study), "replay"),
        "earlier_suggestions": (_count_earlier(results.earlier), "earlier"),
        **{f"claimed_{key}": (value, SETTINGS) for key, value in claimed.items()},
    }
    return {key: {"value": value, "source": _name_source(results, entry)} for key, (value, entry) in cells.items()}


def _name_source(results: StudyResults, entry: str) -> str:
    """Return the file of an entry with the place in it, or nothing if the study has none."""
    name, mark, key = entry.partition("#")
    path = results.files.get(name)
    return f"{path}{mark}{key}" if path else ""


def _name_origin(study: ReportedStudy) -> str:
    """Return where the rows come from."""
    if study.table.dataset:
        return f"from the data set {study.table.dataset.name}"
    return "simulated" if study.table.sample else "read from a table"


def _list_features(study: ReportedStudy) -> str:
    """Return what the model of the primary variant learns from."""
    names = [feature.name for feature in study.designable]
    return ", ".join([*names, *(descriptor.label for descriptor in study.primary_descriptors)])


def _collect_scores(results: StudyResults) -> Cells:
    """Return the scores of the first objective's model as numbers, and of all objectives' models in words."""
    metrics = results.metrics
    first = metrics[
        (metrics["variant"] == results.study.primary_variant)
        & (metrics["objective"] == results.study.objectives[0].name)
    ].set_index("model", drop=False)
    best = first[first["selected"]].iloc[0]
    found = {
        "objective": (best, "objective"),
        "best_model": (best, "model"),
        "q2": (best, "q2"),
        "q2_lower_95": (best, "q2_lower"),
        "q2_upper_95": (best, "q2_upper"),
        "p_value": (best, "p_value"),
        "mae": (best, "mae"),
        "mae_lower_95": (best, "mae_lower"),
        "mae_upper_95": (best, "mae_upper"),
        "mae_unit": (best, "unit"),
        "mae_dummy": (first.loc["dummy"], "mae"),
        "mae_ridge": (first.loc["ridge"], "mae"),
        "coverage_80": (best, "coverage_80"),
        "q2_dummy": (first.loc["dummy"], "q2"),
        "q2_ridge": (first.loc["ridge"], "q2"),
    }
    scores = "; ".join(f"{row['objective']}: {_describe_score(row)}" for row in _list_rows(results.selected))
    return {
        **{key: (row[column], _point_to_score(row, column)) for key, (row, column) in found.items()},
        "all_scores": (scores, f"metrics#variant={results.study.primary_variant},selected=True:q2"),
    }


def _point_to_score(row: Any, column: str) -> str:
    """Return where the table of scores has a number."""
    return f"metrics#variant={row['variant']},objective={row['objective']},model={row['model']}:{column}"


def _list_rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table as dictionaries."""
    return frame.to_dict("records")


def _describe_score(row: Mapping[Any, Any]) -> str:
    """Return a model's name with its Q² and the interval."""
    score, low, high = (_round_score(row[key]) for key in ("q2", "q2_lower", "q2_upper"))
    return f"{row['model']} Q² {score} [{low}, {high}]"


def _round_score(value: float) -> str:
    """Return a score in two decimals; what is nearly perfect does not become 1.00."""
    # 0.996 would be rounded to 1.00
    return f"{value:.2f}" if value < 0.995 or value == 1 else ">0.99"


def join_verdicts(selected: pd.DataFrame) -> str:
    """Return the verdict on each objective's model, once if they agree."""
    verdicts = list(dict.fromkeys(selected["verdict"]))
    if len(verdicts) == 1:
        return str(verdicts[0])
    return "; ".join(f"{row['objective']}: {row['verdict']}" for row in _list_rows(selected))


def _explain_verdicts(results: StudyResults) -> str:
    """Return what the verdict on each objective's model means, and why there is no skill."""
    n_rows = results.table_report["rows_to_learn_from"]
    texts = {
        str(row["objective"]): explain_verdict(row["verdict"], row["model"], row["p_value"], n_rows)
        for row in _list_rows(results.selected)
    }
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    labels = {objective.name: objective.label for objective in results.study.objectives}
    return " | ".join(f"{labels[name]}: {text}" for name, text in texts.items() if text)


def _describe_variants(results: StudyResults) -> str:
    """Return the best model and the verdict of every variant but the primary one."""
    metrics = results.metrics
    ablations = metrics[(metrics["variant"] != results.study.primary_variant) & metrics["selected"]]
    primary = results.selected.set_index("objective")["mae"]
    worthwhile = {o.name: o.worthwhile.least for o in results.study.objectives if o.worthwhile}
    parts = []
    for row in _list_rows(ablations):
        text = f"{row['variant']}: {_describe_score(row)}, {row['verdict'].split(';')[0]}"
        change, name = row["mae"] - primary[row["objective"]], row["objective"]
        if abs(change) < worthwhile.get(name, 0.0):
            text += f" (MAE {change:+.2g}{format_unit(row['unit'])}: no difference that matters)"
        parts.append(text)
    return "; ".join(parts)


def _describe_feasibility(benchmark: Mapping[str, Any]) -> str:
    """Return what was found before the campaign."""
    found = benchmark["feasibility"]
    text = f"{found['verdict']}: {found['message']}"
    share = found["pareto_share"]
    if share is not None and share > 0.999:
        text += "; every design is Pareto-optimal, so the objectives alone select nothing"
    return text


def _describe_reference_designs(designs: pd.DataFrame) -> str:
    """Return the status of each reference design, with what is wrong with it."""
    return "; ".join(
        f"{row['name']}: {row['status']}" + (f" ({row['flags']})" if row["flags"] else "")
        for row in _list_rows(designs)
    )


def describe_replay(replay: Mapping[str, Any] | None, study: ReportedStudy) -> str:
    """Return the outcome of the winner on the campaign's model and on the reference model."""
    if replay is None:
        return ""
    if replay["reference_model"] is None:
        return "no best design to simulate again"
    first, second = replay["campaign_model"], replay["reference_model"]
    parts = [
        f"{o.name} {_round_number(first[o.name])} / {_round_number(second[o.name])}{format_unit(o.unit)}"
        for o in study.objectives
    ]
    n_met = sum(design["reference_model_meets_limits"] for design in replay["designs"])
    models = f"{replay['model']} / {replay['reference']}"
    counts = f"{n_met} of the campaign's best {len(replay['designs'])} meet the limits on the {replay['reference']}"
    plated = f"plated at the end all the same {_round_number(second['plated_mah'])} mAh, which it strips later"
    return f"{models}: {'; '.join(parts)}; {counts}; {plated}"


def _count_earlier(earlier: pd.DataFrame | None) -> str:
    """Return how many earlier suggestions were measured, and how many outcomes lie within their intervals."""
    if earlier is None:
        return ""
    if earlier.empty:
        return "none were made before this batch"
    counts = earlier.drop_duplicates("suggestion")["status"].value_counts().sort_index()
    inside = earlier["inside_95"].value_counts()
    n_inside, n_measured = int(inside.get("yes", 0)), int(inside.get("yes", 0) + inside.get("no", 0))
    text = ", ".join(f"{n} {status}" for status, n in counts.items())
    return f"{text}; {n_inside} of {n_measured} measured outcomes within their 95 % interval" if n_measured else text


def _round_number(value: float | None) -> str:
    """Return a number in four digits, or a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"
