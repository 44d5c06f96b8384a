"""The best feasible design of a study: what it is, what is expected of it, and why it may be no recommendation."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from batterymi.config.parts import Objective
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.optimise.campaigns.suggestions import EXTRAPOLATES
from batterymi.reporting.gain import Cells
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.units import format_unit
from batterymi.vocabulary.verdicts import NO_SKILL

NO_DESIGN = "no design meets the limits"
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
    """

    objection: str
    design: tuple[Quantity, ...] = ()
    outcome_kind: str = ""
    outcome: tuple[Quantity, ...] = ()
    why: str = ""
    row: str = ""
    predicted: Quantity | None = None
    place: str = ""


def find_best_design(results: StudyResults) -> BestDesign:
    """Return the best feasible design of a study and what is expected of it."""
    suggestions, study = results.suggestions, results.study
    if suggestions.empty:
        return BestDesign(NO_DESIGN)
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
    )


def describe_best(best: BestDesign) -> Cells:
    """Return the cells of the summary about the best design."""
    if best.objection == NO_DESIGN:
        return {"best_design": (f"none: {NO_DESIGN}", "suggestions"), "best_outcome": ("", "suggestions")}
    if best.row:
        known, predicted = best.outcome[0], best.predicted
        design = f"best row of the pool: {best.row}"
        outcome = f"{best.outcome_kind}: {known.name} {known.value}"
        outcome += f"; predicted without it {predicted.value}" if predicted else ""
    else:
        warning = f"not a recommendation, since {best.objection}: " if best.objection else ""
        design = warning + ", ".join(f"{q.name} {q.value}" for q in best.design)
        # derived quantities have labels alone, since no column of the table has their names
        outcome = f"{best.outcome_kind}: {'; '.join(f'{q.name or q.label} {q.value}' for q in best.outcome)}"
    entry = f"suggestions#{best.place}" if best.place else "suggestions"
    return {key: (text, entry) for key, text in zip(CELLS, (design, outcome, best.why), strict=True)}


CELLS = ("best_design", "best_outcome", "best_why")


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
        return "the model shows no skill"
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
