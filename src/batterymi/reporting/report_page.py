"""The report: one page that opens from disk, with what to do next in each study, and how far to trust it."""

import base64
import gzip
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pandas as pd
from markupsafe import Markup

from batterymi.config.datasets import Dataset
from batterymi.reporting.best_design import find_best_design
from batterymi.reporting.claims_table import count_verdicts
from batterymi.reporting.origins import Origin, find_origin
from batterymi.reporting.pages import TEMPLATES, VERDICT_CLASSES, render_template
from batterymi.reporting.report_cards import Card, make_card
from batterymi.reporting.report_tables import SortedTable, list_claims, list_suggestions
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.tables import REMARK, Summary, join_summaries, read_headings

# columns of the summary that each part of a study's section says: numbers, what matters, and the rest
FINDINGS = {
    "data": (("rows", "rows_are"), ("suspicious_features", "remarks"), ("features", "noise_floor", "bounds")),
    "model": (
        ("best_model", "score_text", "mae_text", "q2_dummy", "q2_ridge"),
        ("verdict", "verdict_means", "stricter_split", "threshold", "official_test", "external_test"),
        ("all_scores", "groupings", "variants", "ranks", "more_rows", "transfer"),
    ),
    "trust": ((), ("calibration", "partitions"), ()),
    "campaign": (
        ("gain_text", "reduction_text", "final_text"),
        ("gain_over_random", "feasibility", "replay", "screen", "earlier_suggestions"),
        ("evaluations_by_target", "evaluations_to_targets", "worth_finding", "reference_designs"),
    ),
}
MORE_HEADINGS = {"rows_are": "Where they come from", "q2_dummy": "Q² of the mean alone", "q2_ridge": "Q² of ridge"}
# texts of several columns: the number whose source counts
SOURCE_OF = {
    "score_text": "q2",
    "mae_text": "mae",
    "gain_text": "evaluations_saved",
    "reduction_text": "experiment_reduction_percent",
    "final_text": "final_gain",
}


class ChartLike(Protocol):
    """What the page needs to know of an interactive figure."""

    @property
    def name(self) -> str:
        """Return its short name."""

    @property
    def title(self) -> str:
        """Return what it shows."""

    @property
    def note(self) -> str:
        """Return how to read it."""

    @property
    def y_label(self) -> str:
        """Return the label of its vertical axis."""

    @property
    def entries(self) -> tuple[str, ...]:
        """Return the files that it is drawn from, by their names in `StudyResults`."""

    @property
    def description(self) -> str:
        """Return what it shows, for those who do not see it."""

    @property
    def json(self) -> str:
        """Return it as JSON."""


@dataclass(frozen=True)
class StudyPart:
    """What the report has of one study.

    Attributes:
        name: of the study.
        results: of the study.
        summary: its cells.
        charts: interactive figures, by the part of the section that they belong to.
        figures: its static figures as SVG, by name.
        suggestions: the content of the file of suggestions.
    """

    name: str
    results: StudyResults
    summary: Summary
    charts: Mapping[str, Sequence[ChartLike]]
    figures: Mapping[str, bytes]
    suggestions: str


@dataclass(frozen=True)
class Finding:
    """A line of a study's section.

    Attributes:
        column: of the summary.
        heading: for readers.
        text: what was found.
    """

    column: str
    heading: str
    text: str


@dataclass(frozen=True)
class Source:
    """Where a number of the summary comes from.

    Attributes:
        column: of summary.csv.
        text: its cell.
        origin: file, key, rule and log.
        command: that says the same.
    """

    column: str
    text: str
    origin: Origin
    command: str


class Report:
    """All that the template of the report shows."""

    def __init__(
        self,
        parts: Sequence[StudyPart],
        claims: pd.DataFrame | None,
        datasets: Mapping[str, Dataset],
        folders: tuple[Path, Path],
        library: str,
    ) -> None:
        """Take what the report is made of.

        Args:
            parts: the studies, in order.
            claims: the rows of claims.csv; None where a run compares none.
            datasets: those that were used, by name.
            folders: of results and of logs.
            library: JavaScript that draws the interactive figures.
        """
        self.parts = {part.name: part for part in parts}
        self.claims, self.datasets = claims, datasets
        self.results, self.logs = folders
        self.library = library
        rows = join_summaries([part.summary for part in parts]).to_dict("records")
        self.cards = [
            make_card(part.name, {str(key): value for key, value in row.items()}, find_best_design(part.results))
            for part, row in zip(parts, rows, strict=True)
        ]
        self.remark = REMARK

    @cached_property
    def headings(self) -> dict[str, str]:
        """Return the heading of each column of the summary."""
        lists = ("terminal", "notes", "summary")
        return {column: name for part in lists for name, column in read_headings(part)} | MORE_HEADINGS

    def list_findings(self, card: Card, part: str) -> list[list[Finding]]:
        """Return the lines of a part of a study's section: numbers, what matters, and the rest."""
        return [
            [
                Finding(column, self.headings.get(column, column), card.shown[column])
                for column in columns
                if card.shown.get(column, "-") != "-"
            ]
            for columns in FINDINGS[part]
        ]

    def list_sources(self, card: Card) -> list[Source]:
        """Return where each number of the summary comes from that has a file."""
        summary, found = self.parts[card.name].summary, []
        for column, text in card.cells.items():
            number = SOURCE_OF.get(column, column)
            if self.has_source(card, column):
                cell = summary[number]
                command = f"batterymi explain {card.name}.{number}"
                found.append(Source(column, text, self.find_origin(cell["source"]), command))
        return found

    def has_source(self, card: Card, column: str) -> bool:
        """Return whether a column of a study's summary was read from a file, rather than from its settings."""
        cell = self.parts[card.name].summary.get(SOURCE_OF.get(column, column))
        return column in card.cells and bool(cell and cell["source"])

    def find_origin(self, source: str) -> Origin:
        """Return where a number comes from."""
        return find_origin(source, self.results, self.logs, self._open_study)

    def find_entry(self, name: str, entry: str) -> Origin:
        """Return where a study's figure comes from, by the name of a file in its results."""
        return self.find_origin(str(self.parts[name].results.files[entry]))

    def describe_origins(self, sources: Sequence[str]) -> list[dict[str, str]]:
        """Return where a cell comes from, as the page's script shows it."""
        origins = [self.find_origin(source) for source in sources]
        return [
            {
                "file": self.link(origin.file),
                "key": origin.key,
                "rule": origin.rule,
                "log": self.link(origin.log) if origin.log else "",
            }
            for origin in origins
        ]

    def _open_study(self, name: str) -> StudyResults | None:
        """Return the results of a study of the report."""
        return self.parts[name].results if name in self.parts else None

    def link(self, path: Path) -> str:
        """Return a path relative to the page."""
        return Path(os.path.relpath(path, self.results)).as_posix()

    def has_front(self, name: str) -> bool:
        """Return whether a study has objectives that compete."""
        return any(chart.name == "front" for chart in self.parts[name].charts["campaign"])

    def list_suggestions(self, name: str) -> SortedTable:
        """Return the suggestions of a study."""
        part = self.parts[name]
        return list_suggestions(name, part.results, part.suggestions)

    @cached_property
    def claims_table(self) -> SortedTable | None:
        """Return the claims."""
        return None if self.claims is None else list_claims(self.claims, VERDICT_CLASSES)

    @property
    def claims_counted(self) -> str:
        """Return how many claims have which verdicts."""
        return "" if self.claims is None else count_verdicts(self.claims)

    @property
    def packed_figures(self) -> dict[str, str]:
        """Return the static figures, compressed and as text."""
        return {
            f"{name}/{figure}": pack_text(data)
            for name, part in self.parts.items()
            for figure, data in part.figures.items()
        }

    @cached_property
    def packed_library(self) -> str:
        """Return the library of the figures, compressed and as text."""
        return pack_text(self.library.encode())


def render_report(report: Report) -> str:
    """Return the page; all texts are escaped, and only its own scripts run."""
    script = read_part("charts.js") + read_part("report.js")
    return render_template(
        "report.html.j2",
        report=report,
        style=Markup(read_part("report.css")),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        hashes=[hash_script(text) for text in (script, report.library)],
    )


def read_part(name: str) -> str:
    """Return a file beside the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def hash_script(script: str) -> str:
    """Return the digest of a script by which a page allows it (Content Security Policy)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def pack_text(data: bytes) -> str:
    """Return data compressed and as text; the same data give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
