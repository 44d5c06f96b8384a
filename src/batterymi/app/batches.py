"""Batches as a study's page shows them: the last one, and designs of earlier ones that have no result yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.parts import Feature, Objective
from batterymi.notebook.compute import Work
from batterymi.notebook.tell import Table
from batterymi.optimise.campaigns.converted_batches import convert_batch
from batterymi.optimise.campaigns.ledger import are_same_designs
from batterymi.optimise.campaigns.ledger_lines import Suggestion
from batterymi.optimise.campaigns.matched_results import compare_suggestions
from batterymi.reporting.report_tables import TableCell, list_suggestions
from batterymi.reporting.study_results import StudyResults

ENGINE_COLUMNS = ("_engine_mean", "_engine_sd")
NOT_TRIED = "not tried"
OPEN_STATES = (NOT_TRIED, "pending", "not comparable")
NAME, WHY = "suggestion", "why"
Status = Mapping[tuple[str, str], str]  # by suggestion and objective


@dataclass(frozen=True)
class Row:
    """A suggested design.

    Attributes:
        name: of the suggestion.
        cells: predictions and settings.
        why: it was suggested.
        status: of each objective: not tried, pending, measured, failed.
        same: names of open suggestions that have the same design.
    """

    name: str
    cells: Sequence[TableCell]
    why: str
    status: Mapping[str, str]
    same: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether it waits for a result."""
        return any(self.waits_for(objective) for objective in self.status)

    def waits_for(self, objective: str) -> bool:
        """Return whether it waits for the result of an objective."""
        return self.status[objective] in OPEN_STATES


@dataclass(frozen=True)
class Batch:
    """Suggestions under one heading.

    Attributes:
        columns: headings of the cells.
        rows: the suggestions.
        file: that has them; None where the ledger alone does.
        lost: why designs of earlier batches cannot be entered any more, a line each.
    """

    columns: Sequence[str]
    rows: Sequence[Row]
    file: Path | None = None
    lost: Sequence[str] = field(default=())

    @property
    def n_answered(self) -> int:
        """Return how many have a result."""
        return sum(not row.is_open for row in self.rows)

    @property
    def counts(self) -> str:
        """Return how many designs of which batch there are, as `2 designs of batch 1, 3 of batch 2`."""
        numbers = [row.name.partition("-")[0].removeprefix("b") for row in self.rows]
        found = {number: numbers.count(number) for number in dict.fromkeys(numbers)}
        parts = [f"{n} of batch {number}" for number, n in found.items()]
        first = next(iter(found.values()), 0)
        return (
            ", ".join([parts[0].replace(" of", f" design{'' if first == 1 else 's'} of", 1), *parts[1:]])
            if parts
            else ""
        )


def read_batches(work: Work, state: Table, results: StudyResults) -> tuple[Batch | None, Batch]:
    """Return the last batch, None if there is none, and the designs of all other batches that have no result yet.

    Args:
        work: the study.
        state: its table and ledger.
        results: what its stages wrote.

    Raises:
        BatteryMIError: if a file is damaged.
    """
    objectives = work.study.objectives
    compared = compare_suggestions(state.ledger.batches, state.checked.rows, state.space, objectives, -1)
    status = {(r["suggestion"], r["objective"]): r["status"] for r in compared.to_dict("records")}
    designs = _convert(work, state)
    path = results.files["suggestions"]
    last = None
    if path.is_file():
        # what the engine's own model expects is said in the reasons; the file has its numbers
        frame = results.suggestions.drop(columns=[c for c in results.suggestions if str(c).endswith(ENGINE_COLUMNS)])
        last = _make_batch(frame, results, state.space.features, status, path)
    shown = {row.name for row in last.rows} if last else set()
    kept: list[Suggestion] = []
    lost: dict[str, list[str]] = {}
    for item, fault in designs:
        if item.name in shown or all(_find_state(status, item.name, o) not in OPEN_STATES for o in objectives):
            continue
        if fault:
            lost.setdefault(fault, []).append(item.name)
        else:
            kept.append(item)
    lines = [f"{', '.join(names)}: {fault}" for fault, names in lost.items()]
    others = replace(
        _make_batch(_make_frame(kept, objectives), results, state.space.features, status, None), lost=lines
    )
    if last is None:
        return None, others
    known = {item.name: item.design for item, _ in designs}
    rows = [_mark_same(row, known, [other.name for other in others.rows]) for row in last.rows]
    return replace(last, rows=rows), others


def _convert(work: Work, state: Table) -> list[tuple[Suggestion, str]]:
    """Return all suggestions of the ledger in the units of the study, with why one cannot be entered any more."""
    found = []
    for batch in state.ledger.batches:
        converted = convert_batch(batch, state.space.features, work.study.objectives)
        found += list(zip(converted.batch.suggestions, converted.design_faults, strict=True))
    return found


def _mark_same(row: Row, designs: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Row:
    """Return a suggestion with the names of those among some that have its design."""
    own = designs.get(row.name)
    same = tuple(name for name in names if own is not None and are_same_designs(own, designs[name]))
    return replace(row, same=same)


def _find_state(status: Status, name: str, objective: Objective) -> str:
    """Return what is known of the result of a suggestion; one without predictions has one state for all."""
    found = [state for (item, of), state in status.items() if item == name and (of == objective.name or pd.isna(of))]
    return found[0] if found else NOT_TRIED


def _make_frame(items: Sequence[Suggestion], objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return suggestions of a ledger in the columns of a file of suggestions."""
    rows = []
    for item in items:
        row: dict[str, Any] = {NAME: item.name, **item.design}
        for objective in objectives:
            mean, low, high = item.predicted.get(objective.name, (None, None, None))
            row |= {objective.name: mean, f"{objective.name}_lower_95": low, f"{objective.name}_upper_95": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else [NAME])


def _make_batch(
    frame: pd.DataFrame, results: StudyResults, settings: Sequence[Feature], status: Status, path: Path | None
) -> Batch:
    """Return suggestions with predictions first, then settings."""
    objectives, features = results.study.objectives, [f.name for f in settings if f.name in frame]
    if frame.empty:
        return Batch((), (), path)
    # four digits would round settings
    texts = {name: [_format_setting(cell) for cell in frame[name]] for name in features}
    predicted = [o.name for o in objectives if o.name in frame]
    ends = [f"{name}_{end}_95" for name in predicted for end in ("lower", "upper")]
    others = [c for c in map(str, frame.columns) if c not in {NAME, WHY, *features, *predicted, *ends}]
    ordered = frame.assign(**texts)[[*predicted, *features, *others, *ends]]
    copied = StudyResults(results.files, results.study)
    vars(copied)["suggestions"] = ordered
    listed = list_suggestions("batch", copied, "")
    reasons = frame[WHY].fillna("").astype(str) if WHY in frame else [""] * len(frame)
    rows = [
        Row(str(name), cells, why, {o.name: _find_state(status, str(name), o) for o in objectives})
        for name, cells, why in zip(frame[NAME], listed.rows, reasons, strict=True)
    ]
    outcomes = {o.axis_label for o in objectives}
    columns = [f"Predicted: {heading}" if heading in outcomes else heading for heading in listed.columns]
    return Batch(columns, rows, path)


def _format_setting(cell: Any) -> str:
    """Return a setting as it is weighed or chosen."""
    if cell is None or pd.isna(cell):
        return "–"
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)
