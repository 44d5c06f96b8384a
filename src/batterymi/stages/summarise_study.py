"""The stage `summarise_study`: what one study found, each number with the file it stands in."""

from typing import Any

import pandas as pd

from batterymi.config.parts import Objective
from batterymi.config.study import Study
from batterymi.data.headers import without_units
from batterymi.files import read_frame, read_json, write_json
from batterymi.optimise.campaigns.suggestions import EXTRAPOLATES
from batterymi.reporting.trust import trust_cells
from batterymi.vocabulary.verdicts import NO_SKILL


def summarise_study(
    name: str,
    table_path: str,
    metrics_path: str,
    suggestions_path: str,
    benchmark_path: str,
    named_path: str,
    validation_path: str,
    transfer_path: str | None,
    ranking_path: str | None,
    screen_path: str | None,
    replay_path: str | None,
    earlier_path: str | None,
    summary_path: str,
    *,
    study: dict[str, Any],
    headline: str,
) -> None:
    """Collect the findings of a study into one file.

    Args:
        name: the study's name.
        table_path: report on its table.
        metrics_path: scores of its models.
        suggestions_path: its best designs.
        benchmark_path: feasibility and comparison with random search.
        named_path: designs of others, judged.
        validation_path: how far the models can be trusted.
        transfer_path: comparison of ways to transfer, or None.
        ranking_path: report on ranked candidates, or None.
        screen_path: report on a screen of candidates, or None.
        replay_path: the winner before the judge's model, or None.
        earlier_path: earlier suggestions against measurements, or None.
        summary_path: JSON to write: one entry per column of the summary, each with `value` and `source`.
        study: the study's settings.
        headline: the variant that its decisions rest on.
    """
    settings = Study.model_validate(study)
    table = read_json(table_path, needs=["rows_to_learn_from"])
    benchmark = read_json(benchmark_path, needs=["feasibility", "answers", "comparison"])
    metrics = read_frame(
        metrics_path, holds={"variant": [headline], "objective": [o.name for o in settings.objectives]}
    )
    suggestions = without_units(read_frame(suggestions_path, needs=["why", *settings.design_columns]))
    named = read_frame(named_path, needs=["name", "status", "flags", *settings.design_columns], keep_default_na=False)
    chosen = metrics[metrics["variant"] == headline]
    sources = {
        "table": table_path,
        "metrics": metrics_path,
        "suggestions": suggestions_path,
        "benchmark": benchmark_path,
        "named": named_path,
        "validation": validation_path,
        "transfer": transfer_path or "",
        "ranking": ranking_path or "",
        "screen": screen_path or "",
        "replay": replay_path or "",
        "earlier": earlier_path or "",
    }
    cells: dict[str, tuple[Any, str]] = {
        "study": (name, ""),
        "title": (settings.title, ""),
        "edition": (settings.edition, ""),
        "rows": (table["rows_to_learn_from"], "table"),
        "rows_are": (_origin(settings), "table"),
        "features": (_features(settings, headline), "metrics"),
        **_scores(chosen, settings),
        "verdict": (_verdict(chosen), "metrics"),
        "variants": (_variants(metrics, headline), "metrics"),
        "feasibility": (_feasibility(benchmark), "benchmark"),
        **_best(suggestions, settings, benchmark, chosen),
        **_gain(benchmark),
        **trust_cells(
            settings,
            read_json(validation_path, needs=["objectives"])["objectives"],
            benchmark,
            read_json(transfer_path) if transfer_path else None,
            read_json(ranking_path) if ranking_path else None,
            read_json(screen_path) if screen_path else None,
        ),
        "remarks": (" ".join(settings.remarks), ""),
        "others_designs": (_others(named), "named"),
        "replay": (_replay(replay_path, settings), "replay"),
        "earlier_suggestions": (_earlier(earlier_path), "earlier"),
    }
    claimed = settings.claimed.model_dump() if settings.claimed else {}
    cells |= {f"claimed_{key}": (value, "") for key, value in claimed.items()}
    content = {key: {"value": value, "source": sources.get(place, "")} for key, (value, place) in cells.items()}
    write_json(summary_path, content)


def _origin(settings: Study) -> str:
    """Where the rows come from."""
    if settings.table.dataset:
        return f"from the data set {settings.table.dataset.name}"
    return "simulated" if settings.table.sample else "read from a table"


def _features(settings: Study, headline: str) -> str:
    """What the headline's model is given."""
    names = [feature.name for feature in settings.variants[headline]]
    return ", ".join([*names, *(descriptor.label for descriptor in settings.descriptors_of(headline))])


def _scores(chosen: pd.DataFrame, settings: Study) -> dict[str, tuple[Any, str]]:
    """Best model and scores; the first objective in numbers, all of them in words."""
    first = chosen[chosen["objective"] == settings.objectives[0].name]
    best = first[first["selected"]].iloc[0]
    baseline, mae = first.set_index("model")["q2"], first.set_index("model")["mae"]
    words = [
        f"{row['objective']}: {row['model']} Q² {_score(row['q2'])} "
        f"[{_score(row['q2_lower'])}, {_score(row['q2_upper'])}]"
        for _, row in chosen[chosen["selected"]].iterrows()
    ]
    return {
        "objective": (best["objective"], "metrics"),
        "best_model": (best["model"], "metrics"),
        "q2": (best["q2"], "metrics"),
        "q2_lower_95": (best["q2_lower"], "metrics"),
        "q2_upper_95": (best["q2_upper"], "metrics"),
        "p_value": (best["p_value"], "metrics"),
        "mae": (best["mae"], "metrics"),
        "mae_lower_95": (best["mae_lower"], "metrics"),
        "mae_upper_95": (best["mae_upper"], "metrics"),
        "mae_unit": (best["unit"], "metrics"),
        "mae_dummy": (mae["dummy"], "metrics"),
        "mae_ridge": (mae["ridge"], "metrics"),
        "coverage_80": (best["coverage_80"], "metrics"),
        "q2_dummy": (baseline["dummy"], "metrics"),
        "q2_ridge": (baseline["ridge"], "metrics"),
        "all_scores": ("; ".join(words), "metrics"),
    }


def _score(value: float) -> str:
    """A score in two decimals, with perfection told from nearly so."""
    return f"{value:.2f}" if value < 0.995 or value == 1 else ">0.99"


def _verdict(chosen: pd.DataFrame) -> str:
    """The verdict on each objective's model; once if they agree."""
    best = chosen[chosen["selected"]]
    verdicts = list(dict.fromkeys(best["verdict"]))
    if len(verdicts) == 1:
        return str(verdicts[0])
    return "; ".join(f"{row['objective']}: {row['verdict']}" for _, row in best.iterrows())


def _variants(metrics: pd.DataFrame, headline: str) -> str:
    """Best model and verdict of every other variant."""
    others = metrics[(metrics["variant"] != headline) & metrics["selected"]]
    return "; ".join(
        f"{row['variant']}: {row['model']} Q² {_score(row['q2'])} "
        f"[{_score(row['q2_lower'])}, {_score(row['q2_upper'])}], {row['verdict'].split(';')[0]}"
        for _, row in others.iterrows()
    )


def _feasibility(benchmark: dict[str, Any]) -> str:
    """What was found before the campaign."""
    found = benchmark["feasibility"]
    text = f"{found['verdict']}: {found['message']}"
    share = found["pareto_share"]
    if share is not None and share > 0.999:
        text += "; every design is Pareto-optimal, so the objectives alone select nothing"
    return text


def _best(
    suggestions: pd.DataFrame, settings: Study, benchmark: dict[str, Any], chosen: pd.DataFrame
) -> dict[str, tuple[Any, str]]:
    """The best feasible design and what is expected of it."""
    if suggestions.empty:
        return {"best_design": ("none: no design meets the limits", "suggestions"), "best_outcome": ("", "suggestions")}
    best = suggestions.iloc[0]
    if settings.campaign.mode == "replay":
        return _best_of_pool(best, settings)
    design = ", ".join(
        f"{f.name} {best[f.name]}" if f.is_category else f"{f.name} {best[f.name]:.3g}{_unit(f.unit)}"
        for f in settings.designable
    )
    outcome = "; ".join(_outcome(best, objective) for objective in settings.objectives)
    extra = "; ".join(f"{d.label} {best[d.name]:.3g}{_unit(d.unit)}" for d in settings.derived)
    answers = benchmark["answers"]
    without_skill = bool((chosen[chosen["selected"]]["verdict"] == NO_SKILL).any())
    warning = ""
    if answers == "predicted" and without_skill:
        warning = "not a recommendation, since the model shows no skill: "
    elif EXTRAPOLATES in best["why"]:
        warning = "not a recommendation, since the model extrapolates beyond what is possible: "
    return {
        "best_design": (warning + design, "suggestions"),
        "best_outcome": (f"{answers}: {outcome}" + (f"; {extra}" if extra else ""), "suggestions"),
        "best_why": (best["why"], "suggestions"),
    }


def _best_of_pool(best: pd.Series, settings: Study) -> dict[str, tuple[Any, str]]:
    """The best row of a pool, and what a model said that did not see it."""
    target = settings.optimised[0]
    name, unit = target.name, _unit(target.unit)
    predicted = (
        f"predicted without it {best[f'{name}_predicted']:.4g} [{best[f'{name}_lower_95']:.4g}, "
        f"{best[f'{name}_upper_95']:.4g}]"
    )
    return {
        "best_design": (f"best row of the pool: {best['label']}", "suggestions"),
        "best_outcome": (f"in the data: {name} {best[name]:.4g}{unit}; {predicted}", "suggestions"),
        "best_why": (best["why"], "suggestions"),
    }


def _outcome(best: pd.Series, objective: Objective) -> str:
    """One objective of a design, with its interval if it has one."""
    text = f"{objective.name} {best[objective.name]:.4g}{_unit(objective.unit)}"
    low, high = best.get(f"{objective.name}_lower_95"), best.get(f"{objective.name}_upper_95")
    if low is None or pd.isna(low):
        return text
    return f"{text} [{low:.4g}, {high:.4g}]"


def _unit(unit: str) -> str:
    """A unit behind its number."""
    return "" if unit == "1" else f" {unit}"


def _gain(benchmark: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What the campaign was worth against random search."""
    comparison = benchmark["comparison"]
    if comparison is None:
        return {"gain_over_random": ("no campaign was run", "benchmark")}
    keys = (
        *("evaluations_saved", "evaluations_saved_lower", "evaluations_saved_upper"),
        *("final_gain", "final_gain_lower", "final_gain_upper"),
    )
    numbers: dict[str, tuple[Any, str]] = {key: (comparison[key], "benchmark") for key in keys}
    for key in ("experiment_reduction", "experiment_reduction_lower", "experiment_reduction_upper"):
        numbers[f"{key}_percent"] = (100 * comparison[key], "benchmark")
    final = comparison["final_best"]
    return {
        **numbers,
        "seeds": (comparison["seeds"], "benchmark"),
        "gain_over_random": (comparison["verdict"], "benchmark"),
        "final_score_quartiles": ([final["lower"], final["median"], final["upper"]], "benchmark"),
        "failures": (benchmark["failures"], "benchmark"),
    }


def _others(named: pd.DataFrame) -> str:
    """How designs of others fared."""
    return "; ".join(
        f"{row['name']}: {row['status']}" + (f" ({row['flags']})" if row["flags"] else "")
        for _, row in named.iterrows()
    )


def _replay(path: str | None, settings: Study) -> str:
    """The winner on both models."""
    if path is None:
        return ""
    replay = read_json(path, needs=["campaign_model", "judge_model"])
    if replay["judge_model"] is None:
        return "no winner to replay"
    first, second = replay["campaign_model"], replay["judge_model"]
    parts = [
        f"{o.name} {_number(first[o.name])} / {_number(second[o.name])}{_unit(o.unit)}" for o in settings.objectives
    ]
    meets = "meets" if replay["judge_meets_limits"] else "misses"
    return f"{replay['model']} / {replay['judge']}: {'; '.join(parts)}; the judge {meets} the limits"


def _earlier(path: str | None) -> str:
    """What became of earlier suggestions."""
    if path is None:
        return ""
    earlier = read_frame(path, keep_default_na=False)
    if earlier.empty:
        return "none were made before this batch"
    each = earlier.drop_duplicates("suggestion")["status"].value_counts()
    inside = earlier["inside_95"].value_counts()
    counted = ", ".join(f"{n} {status}" for status, n in each.sort_index().items())
    n_judged = int(inside.get("yes", 0) + inside.get("no", 0))
    told = f"; {inside.get('yes', 0)} of {n_judged} measured outcomes within their 95 % interval" if n_judged else ""
    return counted + told


def _number(value: float | None) -> str:
    """A number in four digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"
