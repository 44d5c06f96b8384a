"""Numbers of the site: those of a run's results, each under the name by which pages and their check know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from site_pages import SiteError

from batterymi.config.load import load_config, load_studies
from batterymi.config.study import Study
from batterymi.errors import BatteryMIError
from batterymi.files import read_frame
from batterymi.reporting.claims_table import count_verdicts
from batterymi.reporting.report_cards import Card
from batterymi.reporting.report_page import Report, StudyPart
from batterymi.reporting.report_tables import list_claims, list_suggestions
from batterymi.reporting.study_results import StudyResults, list_results
from batterymi.reporting.tables import read_summary
from batterymi.workflow.manifest import NAME, find_changed_inputs, find_changed_outputs, read_manifest

SUGGESTIONS = 5  # designs that a page shows
SHORT, LONG = 18, 40  # characters: up to which a text stays on one line, and from which on it needs a wide column
MEASURED = "_measured"  # what the name of a study on data sets ends with
MARKDOWN = {ord(mark): f"&#{ord(mark)};" for mark in "\\`*_{}[]|~$"}


@dataclass(frozen=True)
class Run:
    """The results of a run, as far as pages show them.

    Attributes:
        folder: of all results.
        report: cards and findings of its studies.
        claims: rows of claims.csv; None where the run compared none.
        texts: each number as pages show it, by its name: `STUDY.COLUMN` of the summary, `STUDY.best_design.FEATURE`,
            `STUDY.suggestions.ROW.COLUMN`, `STUDY.claims`, `claims.ID.COLUMN`.
        suggested: headings of the suggestions that are shown, by study.
    """

    folder: Path
    report: Report
    claims: pd.DataFrame | None
    texts: Mapping[str, str]
    suggested: Mapping[str, list[str]]

    @property
    def cards(self) -> dict[str, Card]:
        """Return the answer of each study, by its name."""
        return {card.name: card for card in self.report.cards}

    def has(self, name: str) -> bool:
        """Return whether there is such a number, and not a dash in its place."""
        return self.texts.get(name, "-") not in ("", "-", "none")

    def show(self, name: str) -> str:
        """Return a number as Markdown, with the name by which the check of the site finds it.

        Raises:
            SiteError: if there is no such number.
        """
        if name not in self.texts:
            raise SiteError(f"{self.folder}: a page of the site names '{name}', which the results do not have")
        text = self.texts[name]
        kind = "n short" if len(text) <= SHORT else "n long" if len(text) > LONG else "n"
        return f'<span class="{kind}" data-of="{escape(name)}">{quote(text)}</span>'

    def list_claims(self, study: str) -> list[str]:
        """Return the ids of the claims about a study that have a verdict."""
        if self.claims is None:
            return []
        rows = self.claims[(self.claims["study"] == study) & self.claims["holds"].notna()]
        return [str(name) for name in rows["id"] if self.texts[f"claims.{name}.Found [95 %]"] != "–"]


def quote(text: str) -> str:
    """Return a text as Markdown in which nothing is markup."""
    return escape(text, quote=False).translate(MARKDOWN)


def read_run(folder: Path) -> Run | None:
    """Read the results of a run, after checking that they are what it wrote, from files as they are now.

    Args:
        folder: of all results.

    Returns:
        The run; None if there is none in the folder.

    Raises:
        SiteError: if results were changed, or settings, tables or the lock since.
    """
    if not (folder / NAME).is_file():
        return None
    try:
        manifest = read_manifest(folder / NAME)
        if stale := [*find_changed_inputs(manifest), *find_changed_outputs(manifest, folder)]:
            raise SiteError("\n".join(["the results are stale; 'make run' renews them:", *stale]))
        studies, _ = load_studies(config := load_config(manifest["settings"]))
        parts = [_read_part(folder, name, studies[name]) for name in manifest["studies"]]
    except BatteryMIError as error:
        raise SiteError(f"{folder}: {error}") from None
    path = folder / "claims.csv"
    claims = read_frame(path, needs=["id", "computed", "holds"]) if config.claims and path.is_file() else None
    report = Report(parts, claims, {}, (folder, Path("logs")), "")
    texts, suggested = _collect_texts(report, claims)
    return Run(folder, report, claims, texts, suggested)


def _read_part(folder: Path, name: str, study: Study) -> StudyPart:
    """Read what a study wrote."""
    own = folder / name
    files = {entry: own / path for entry, path in list_results(study, "report").items()}
    results = StudyResults.of_folder(own, study)
    suggestions = files["suggestions"].read_text(encoding="utf-8")
    return StudyPart(name, results, read_summary(own / "summary.json"), {}, {}, suggestions)


def _collect_texts(report: Report, claims: pd.DataFrame | None) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return every number as it is shown, by its name, and the headings of suggestions."""
    texts: dict[str, str] = {}
    suggested: dict[str, list[str]] = {}
    for card in report.cards:
        texts |= {f"{card.name}.{column}": text for column, text in card.shown.items()}
        texts |= {f"{card.name}.best_design.{q.name}": q.value for q in card.best.design}
        texts |= {f"{card.name}.best_outcome.{q.name or q.label}": q.value for q in card.best.outcome}
        texts[f"{card.name}.verdict_in_short"] = card.verdict
        texts[f"{card.name}.gain_verdict"] = card.gain_verdict
        part = report.parts[card.name]
        table = list_suggestions(card.name, part.results, part.suggestions)
        suggested[card.name] = list(table.columns)
        for place, row in enumerate(table.rows[:SUGGESTIONS]):
            texts |= {f"{card.name}.suggestions.{place}.{n}": cell.text for n, cell in enumerate(row)}
    if claims is not None:
        table = list_claims(claims, {})
        for name, row in zip(claims["id"], table.rows, strict=True):
            texts |= {f"claims.{name}.{heading}": cell.text for heading, cell in zip(table.columns, row, strict=True)}
        texts |= {f"{study}.claims": count_verdicts(rows) for study, rows in claims.groupby("study")}
    return texts, suggested
