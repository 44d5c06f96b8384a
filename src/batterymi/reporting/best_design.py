"""What to do next in a study: its best feasible design, and of experiments the best measured row and the next batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.optimise.campaigns.best_known import BEST_ROWS, format_measured
from batterymi.optimise.campaigns.suggestions import EXTRAPOLATES
from batterymi.reporting.gain import Cells
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.expected import GO_ON, STOP
from batterymi.vocabulary.units import format_unit
from batterymi.vocabulary.verdicts import NO_SKILL

NO_DESIGN = "no design of the campaign meets the limits"
NONE_LEFT = "no design is left to suggest"
NO_SKILL_YET = "the model shows no skill"
WRITTEN_OUT = 1e6  # numbers from which on powers of ten are shorter
ALL_MEASURED = "every row of the pool has its result already"


@dataclass(frozen=True)
class Quantity:
    """A value of a design or of its outcome, as it is shown.

    Attributes:
        name: its column.
        label: what axes and tables call it.
        text: the value, in the digits that are shown.
        unit: its unit, `1` where there is none.
        interval: ` [lower, upper]`, or nothing.
        note: what it should hit, or nothing.
    """

    name: str
    label: str
    text: str
    unit: str = "1"
    interval: str = ""
    note: str = ""

    @property
    def value(self) -> str:
        """Return the value with its unit, its interval and its target."""
        return f"{self.text}{format_unit(self.unit)}{self.interval}{self.note}"


@dataclass(frozen=True)
class BestDesign:
    """The best feasible design.

    Attributes:
        objection: why it is no recommendation, or nothing.
        design: its features.
        outcome_kind: where the outcome comes from, as `predicted`.
        outcome: its objectives, and what is derived from them.
        why: how it was found.
        row: it, for a row of a pool of measured ones; else nothing.
        predicted: of such a row, the prediction of a model that was not trained on it.
        place: which row of the suggestions it is.
        batch: of experiments, how many designs to measure next, and their names.
        relaxed: limits that were relaxed, since no design meets them.
        is_experiment: whether the row is one that was measured, in a campaign of experiments.
    """

    objection: str
    design: tuple[Quantity, ...] = ()
    outcome_kind: str = ""
    outcome: tuple[Quantity, ...] = ()
    why: str = ""
    row: str = ""
    predicted: Quantity | None = None
    place: str = ""
    batch: str = ""
    relaxed: str = ""
    is_experiment: bool = False


def find_best_design(results: StudyResults) -> BestDesign:
    """Return the best feasible design of a study and what is expected of it; of experiments, the best measured row."""
    suggestions, study = results.suggestions, results.study
    if study.campaign.mode == "experiment":
        return _describe_experiments(results)
    if suggestions.empty:
        row, outcome = _describe_best_rows(results)
        kind = "in the table, within the limits" if row else ""
        if row and any(limit.get("reserve") for limit in results.benchmark["feasibility"]["limits"]):
            kind += ", without the reserves that designs of the campaign keep"
        return BestDesign(NO_DESIGN, outcome_kind=kind, outcome=outcome, row=row)
    best = suggestions.iloc[0]
    if results.replay is not None:
        best = suggestions[suggestions["rank"] == results.replay["rank"]].iloc[0]
    if study.campaign.mode == "replay":
        return _describe_row(best, study)
    outcome, kind = _find_outcome(best, results)
    return BestDesign(
        _find_objection(best, results),
        tuple(_list_features(best, study)),
        kind,
        outcome,
        best["why"],
        place=f"rank={best['rank']}" if "rank" in best else "",
        relaxed=_describe_relaxed(results),
    )


def describe_best(best: BestDesign) -> Cells:
    """Return the cells of the summary about the best design."""
    if best.objection == NO_DESIGN:
        instead = f"; a row of the table does: {best.row}" if best.row else ""
        found: Cells = {"best_design": (f"none: {NO_DESIGN}{instead}", "suggestions")}
        return found | {"best_outcome": (_join_outcome(best), f"benchmark#{BEST_ROWS}" if best.row else "suggestions")}
    if best.is_experiment:
        measured = f"best measured so far: {best.row}" if best.row else f"none: {best.outcome_kind}"
        return {
            "best_design": (measured, f"benchmark#{BEST_ROWS}"),
            "best_outcome": (_join_outcome(best) if best.row else "", f"benchmark#{BEST_ROWS}"),
            "next_batch": (best.batch or NONE_LEFT, "suggestions"),
        }
    if best.row:
        known, predicted = best.outcome[0], best.predicted
        design = f"best row of the pool: {best.row}"
        outcome = f"{best.outcome_kind}: {known.name} {known.value}"
        outcome += f"; predicted without it {predicted.value}" if predicted else ""
    else:
        warning = f"not a recommendation, since {best.objection}: " if best.objection else ""
        warning += f"{best.relaxed}: " if best.relaxed else ""
        design = warning + ", ".join(f"{q.name} {q.value}" for q in best.design)
        outcome = _join_outcome(best)
    entry = f"suggestions#{best.place}" if best.place else "suggestions"
    return {key: (text, entry) for key, text in zip(CELLS, (design, outcome, best.why), strict=True)}


CELLS = ("best_design", "best_outcome", "best_why")


def _join_outcome(best: BestDesign) -> str:
    """Return where an outcome comes from, and its values."""
    # derived quantities have labels alone, since no column of the table has their names
    values = "; ".join(f"{q.name or q.label} {q.value}" for q in best.outcome)
    return f"{best.outcome_kind}: {values}" if values else best.outcome_kind


def _describe_experiments(results: StudyResults) -> BestDesign:
    """Return the best measured row of a campaign of experiments, and the batch to measure next."""
    suggestions = results.suggestions
    row, outcome = _describe_best_rows(results)
    within = " that meets all limits" if results.benchmark["feasibility"]["limits"] else ""
    kind = "measured" if row else f"no row within the bounds{within} is measured yet"
    objection = NO_SKILL_YET if (results.selected["verdict"] == NO_SKILL).any() else ""
    batch = _describe_next_batch(suggestions)
    return BestDesign(objection if batch else NONE_LEFT, (), kind, outcome, row=row, batch=batch, is_experiment=True)


def _describe_next_batch(suggestions: pd.DataFrame) -> str:
    """Return how many designs to measure, and what the ledger calls them; nothing where none is left."""
    # of designs whose early result is in, a batch says whether to go on
    measure = list(suggestions["measure"]) if "measure" in suggestions else [""] * len(suggestions)
    pairs = list(zip(suggestions["suggestion"], measure, strict=True))
    names, n_on = [str(name) for name, what in pairs if what not in (GO_ON, STOP)], measure.count(GO_ON)
    parts = [f"{len(names)} {'design' if len(names) == 1 else 'designs'}: {_name_ends(names)}"] if names else []
    parts += [f"{n_on} to go on with"] if n_on else []
    return "; ".join(parts)


def _name_ends(names: Sequence[str]) -> str:
    """Return the first and the last of several names."""
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _describe_best_rows(results: StudyResults) -> tuple[str, tuple[Quantity, ...]]:
    """Return what the table calls its best rows, and their outcomes; of several, the best of each objective."""
    records = results.benchmark.get(BEST_ROWS) or []
    if not records:
        return "", ()
    objectives = [o for o in results.study.objectives if o.name in records[0]["outcomes"]]
    several = len(records) > 1
    if several:
        objectives = [o for o in objectives if o.is_optimised]
    found = []
    for objective in objectives:
        costs = [objective.compute_cost(np.array(r["outcomes"][objective.name]["value"])) for r in records]
        record = records[int(np.argmin(costs))]
        text = format_measured(**record["outcomes"][objective.name])
        note = objective.target_note + (f" ({record['label']})" if several else "")
        found.append(Quantity(objective.name, objective.label, text, objective.unit, note=note))
    name = f"{len(records)} rows that no other beats in all objectives" if several else str(records[0]["label"])
    return name, tuple(found)


def _describe_relaxed(results: StudyResults) -> str:
    """Return which limits were relaxed, to what and why; nothing where all hold as declared."""
    parts = []
    for limit in results.benchmark["feasibility"]["limits"]:
        if limit["in_force"] != limit["declared"]:
            objective = next(o for o in results.study.objectives if o.name == limit["objective"])
            unit, side = format_unit(objective.unit), limit["side"].replace("_", " ")
            parts.append(
                f"{objective.label} {side} {limit['in_force']:g}{unit}, since no design has {side} "
                f"{limit['declared']:g}{unit} (nearest {limit['attainable']:.4g})"
            )
    return f"under a relaxed limit: {'; '.join(parts)}" if parts else ""


def _list_features(best: pd.Series, study: ReportedStudy) -> list[Quantity]:
    """Return the features of a design."""
    texts = [Quantity(name, name.replace("_", " "), str(best[name])) for name in study.design_texts]
    values = [
        Quantity(f.name, f.label, str(best[f.name]) if f.is_category else round_shown(best[f.name], 3), f.unit)
        for f in study.designable
        if pd.notna(best[f.name])
    ]
    return [*texts, *values]


def _find_objection(best: pd.Series, results: StudyResults) -> str:
    """Return why a design is not a recommendation, or an empty text."""
    if results.benchmark["outcome_kind"] == "predicted" and (results.selected["verdict"] == NO_SKILL).any():
        return NO_SKILL_YET
    if EXTRAPOLATES in best["why"]:
        return "the model extrapolates beyond what is possible"
    if results.replay is not None and not results.replay["is_recommended"]:
        return f"it violates the limits on the {results.replay['reference']}"
    return ""


def _find_outcome(best: pd.Series, results: StudyResults) -> tuple[tuple[Quantity, ...], str]:
    """Return the objectives of a design with their intervals, what is derived from it, and where that comes from."""
    kind = str(results.benchmark["outcome_kind"])
    if results.replay is not None:
        # what the finer model says counts
        best = best.copy()
        best.update(pd.Series({o.name: results.replay["reference_model"][o.name] for o in results.study.objectives}))
        kind += f" on the {results.replay['reference']}"
    found = [make_outcome(best, objective) for objective in results.study.objectives]
    found += [Quantity("", q.label, round_shown(best[q.name], 3), q.unit) for q in results.study.derived]
    return tuple(found), kind


def _describe_row(best: pd.Series, study: ReportedStudy) -> BestDesign:
    """Return the best row of a pool, and the prediction of a model that was not trained on it."""
    target = study.optimised[0]
    known = Quantity(target.name, target.label, round_shown(best[target.name], 4), target.unit, note=target.target_note)
    text, interval = round_shown(best[f"{target.name}_predicted"], 4), _format_ends(best, target.name)
    return BestDesign(
        ALL_MEASURED,
        outcome_kind="in the data",
        outcome=(known,),
        why=best["why"],
        row=str(best["label"]),
        predicted=Quantity(target.name, target.label, text, interval=interval),
        place=f"line={best['line']}",
    )


def make_outcome(best: pd.Series, objective: Objective) -> Quantity:
    """Return one objective of a design, with its interval if it has one."""
    text, interval = round_shown(best[objective.name], 4), _format_ends(best, objective.name)
    return Quantity(objective.name, objective.label, text, objective.unit, interval, objective.target_note)


def _format_ends(best: "pd.Series[Any]", name: str) -> str:
    """Return the 95 % interval of an outcome after a blank, or nothing."""
    low, high = best.get(f"{name}_lower_95"), best.get(f"{name}_upper_95")
    return "" if low is None or high is None or pd.isna(low) else f" [{round_shown(low, 4)}, {round_shown(high, 4)}]"


def round_shown(value: float, digits: int) -> str:
    """Return a number in so many digits; thousands are written out, as 2390 for 2.39e+03."""
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < WRITTEN_OUT else text
