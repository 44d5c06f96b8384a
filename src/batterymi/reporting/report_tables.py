"""Tables of the report that can be sorted and filtered."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from batterymi.reporting.claims import RELATIONS
from batterymi.reporting.study_results import StudyResults
from batterymi.statistics.digits import format_probability
from batterymi.vocabulary.units import format_label

DISTANCE = "distance_to_known"
ENGINE = {"_engine_mean": "expected (engine's model)", "_engine_sd": "standard deviation of it (engine's model)"}
# headings of columns that no setting describes
HEADINGS = {
    "why": "Why",
    "measure": "What to measure",
    "measure_cost": "Cost of it",
    DISTANCE: "Distance to the nearest row",
    "probability_limits_met": "Probability that limits are met",
    "probability_no_failure": "Probability that nothing fails",
    "probability_better": "Probability of being better",
}
LONG = 40  # characters, from which on a cell is a text to read


@dataclass(frozen=True)
class TableCell:
    """A cell.

    Attributes:
        text: as it is shown.
        key: what rows are sorted by; None where it is the text.
        sources: where its number comes from, as summaries and claims have it.
        tone: class of a verdict, or nothing.
        choice: what rows are filtered by; nothing where it is the text.
    """

    text: str
    key: float | None = None
    sources: tuple[str, ...] = ()
    tone: str = ""
    choice: str = ""

    @property
    def is_long(self) -> bool:
        """Return whether it is a text to read."""
        return len(self.text) > LONG


@dataclass(frozen=True)
class SortedTable:
    """A table that can be sorted and filtered.

    Attributes:
        name: short, unique on the page.
        columns: headings.
        rows: their cells.
        facets: columns to filter by, as places.
        csv: the header of the file behind it, then its records, each as a line of CSV; none if there is no such file.
        source: the file behind it.
        lead: what columns are that their headings do not say.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    facets: Sequence[int] = ()
    csv: Sequence[str] = field(default=())
    source: str = ""
    lead: str = ""

    def list_choices(self, column: int) -> list[str]:
        """Return the different texts of a column."""
        return sorted({row[column].choice or row[column].text for row in self.rows})


def list_suggestions(name: str, results: StudyResults, text: str) -> SortedTable:
    """Return the suggestions of a study as a table.

    Args:
        name: of the study.
        results: of the study.
        text: the content of the file of suggestions.
    """
    columns = _choose_columns(results)
    path = results.files["suggestions"]
    rows = [_list_cells(row, columns, str(path)) for row in results.suggestions.to_dict("records")]
    return SortedTable(
        f"suggestions-{name}",
        [heading for heading, _ in columns.values()],
        rows,
        csv=split_records(text),
        source=str(path),
        lead=_explain_columns(results, columns),
    )


def list_claims(claims: pd.DataFrame, classes: Mapping[str, str]) -> SortedTable:
    """Return the rows of claims.csv as a table.

    Args:
        claims: as `check_claims` returns them.
        classes: of verdicts.
    """
    headings = ("Study", "Quantity", "Claimed", "Computed", "Found [95 %]", "Holds", "Reason", "Kind", "Section")
    rows = []
    for claim in claims.fillna("").to_dict("records"):
        unit = "" if claim["unit"] == "1" else f" {claim['unit']}"
        computed = _format_number(claim["computed_value"], ".4g")
        ends = [_format_number(claim[f"found_{end}"], ".3g").replace("inf", "∞") for end in ("lower", "upper")]
        found = _format_number(claim["found"], ".4g") + (f" [{', '.join(ends)}]" if all(ends) else "")
        place = f" ({claim['found_in']})" if claim["found_in"] not in ("", claim["study"]) else ""
        rows.append(
            [
                TableCell(str(claim["study"])),
                TableCell(str(claim["quantity"])),
                TableCell(f"{RELATIONS[claim['relation']]}{claim['claimed']:g}{unit}", float(claim["claimed"])),
                TableCell(
                    f"{computed}: {claim['computed']}" if computed else "–",
                    sources=_split_sources(claim["source_computed"]),
                    tone=classes.get(claim["computed"], ""),
                    choice=claim["computed"] or "not computed",
                ),
                TableCell(
                    f"{found}{place}" if found else "–",
                    float(claim["found"]) if found else None,
                    _split_sources(claim["source_found"]),
                ),
                TableCell(claim["holds"] or "no verdict", tone=classes.get(claim["holds"], "")),
                TableCell(str(claim["reason"])),
                TableCell(str(claim["kind"])),
                TableCell(str(claim["section"])),
            ]
        )
    return SortedTable("claims", headings, rows, facets=(0, 3, 5, 7))


def split_records(text: str) -> list[str]:
    """Return the records of a CSV file, each as a line of CSV."""
    lines = []
    for record in csv.reader(io.StringIO(text)):
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerow(record)
        lines.append(written.getvalue().removesuffix("\n"))
    return lines


def _split_sources(text: str) -> tuple[str, ...]:
    """Return the sources of a cell of claims.csv."""
    return tuple(source for source in text.split(" & ") if source)


def _format_number(value: Any, form: str) -> str:
    """Return a number, or nothing where a cell is empty."""
    return "" if value == "" else format(float(value), form)


def _choose_columns(results: StudyResults) -> dict[str, tuple[str, str]]:
    """Return the columns of suggestions that are shown, with headings and units; intervals join their number."""
    known = _describe_columns(results)
    frame = results.suggestions
    hidden = {f"{o.name}_{end}_95" for o in results.study.objectives for end in ("lower", "upper")}
    shown = [str(column) for column in frame.columns if column not in hidden and not frame[column].isna().all()]
    return {name: known.get(name, (name.replace("_", " ").capitalize(), "1")) for name in shown}


def _explain_columns(results: StudyResults, columns: Iterable[str]) -> str:
    """Return what columns of suggestions are that their headings do not say."""
    names, parts = set(columns), []
    objectives = [objective.name for objective in results.study.objectives]
    if any(f"{name}{ending}" in names for name in objectives for ending in ENGINE):
        parts.append(
            "Two models predict each design. “Predicted”, with its 95 % interval, is by the study's validated model, "
            "whose scores are above. “Expected”, also in the reasons, is by the engine's own model, fitted to the same "
            "rows, which chose the designs: ± is one standard deviation. Where they disagree, the reason says so."
        )
    if DISTANCE in names:
        parts.append(
            "The distance to the nearest row is the mean (root mean square) over the features, each in units of its "
            "range of search: 0 is a row that is known, 1 the other end of every range."
        )
    return " ".join(parts)


def _describe_columns(results: StudyResults) -> dict[str, tuple[str, str]]:
    """Return the heading and the unit of each column that is described."""
    study = results.study
    found = {c.name: (c.axis_label, c.unit) for c in (*study.features, *study.objectives)}
    found |= {q.name: (format_label(q.label, q.unit), q.unit) for q in study.derived}
    for objective in study.objectives:
        if study.campaign.mode == "experiment":
            label = format_label(f"{objective.label}, predicted (validated model)", objective.unit)
            found[objective.name] = (label, objective.unit)
        for ending, word in ENGINE.items():
            label = format_label(f"{objective.label}, {word}", objective.unit)
            found[f"{objective.name}{ending}"] = (label, objective.unit)
        label = format_label(f"{objective.label}, predicted without the row", objective.unit)
        found[f"{objective.name}_predicted"] = (label, objective.unit)
    return found | {name: (heading, "1") for name, heading in HEADINGS.items()}


def _list_cells(row: Mapping[Any, Any], columns: Mapping[str, Any], path: str) -> list[TableCell]:
    """Return the cells of a suggestion."""
    key = next((name for name in ("rank", "name", "line") if name in row), None)
    place = f"{key}={row[key]}:" if key else ""
    return [_make_cell(row, name, f"{path}#{place}{name}") for name in columns]


def _make_cell(row: Mapping[Any, Any], name: str, source: str) -> TableCell:
    """Return a cell: a number with its interval, or a text."""
    value = row[name]
    if isinstance(value, str) or pd.isna(value):
        return TableCell("–" if not isinstance(value, str) else value)
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    if name.startswith("probability_"):
        # in the digits of the reasons beside it
        text = format_probability(float(value))
    base = name.removesuffix("_predicted")
    # the interval of a replayed campaign is of the prediction, not of the value that was measured
    has_interval = f"{base}_lower_95" in row and (base != name or f"{base}_predicted" not in row)
    if has_interval and not pd.isna(row[f"{base}_lower_95"]):
        text += f" [{row[f'{base}_lower_95']:.4g}, {row[f'{base}_upper_95']:.4g}]"
    return TableCell(text, float(value), (source,))
