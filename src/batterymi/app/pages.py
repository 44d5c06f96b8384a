"""The pages of the app, and what their forms do: each calls what notebooks and commands call, on the same files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from batterymi.app.draft import GOALS, ROLES, propose_study
from batterymi.app.jobs import Jobs
from batterymi.app.settings_form import change_settings, digest_text
from batterymi.app.study_view import StudyView, view_study
from batterymi.app.tables import (
    correct_cells,
    digest_table,
    is_workbook,
    keep_sheet,
    keep_table,
    list_free_tables,
    name_sheets,
)
from batterymi.config.load import list_study_files, load_studies
from batterymi.data.row_status import read_word
from batterymi.errors import BatteryMIError, ConfigError, TableError
from batterymi.notebook.study import Study
from batterymi.reporting.pages import render_template
from batterymi.text_safety import clean_message
from batterymi.vocabulary.splits import FAILED, PENDING
from batterymi.workflow.settings import read_config

TEMPLATES = Path(__file__).with_name("templates")
MOST_NOTES = 100  # that wait for their page
AGAIN = "was changed since this page was made; nothing was written. What you see now is how it is; send again"


@dataclass(frozen=True)
class Page:
    """An answer: a page, or the address of another one.

    Attributes:
        html: the page.
        status: of the answer.
        goes_to: the address, below that of the app; empty if it is a page.
        study: that was started; empty if none was.
    """

    html: str = ""
    status: int = 200
    goes_to: str = ""
    study: str = ""


class Pages:
    """All pages of one project."""

    def __init__(self, folder: Path, root: str, jobs: Jobs) -> None:
        """Keep what pages are made of.

        Args:
            folder: of the project, in which this process works.
            root: of all addresses, with the secret.
            jobs: long work.
        """
        self.folder, self.root, self.jobs = folder, root, jobs
        self._notes: dict[str, str] = {}
        # between the comparison with what a window has seen, and the writing
        self._turn = Lock()

    def render(self, template: str, status: int = 200, **values: Any) -> Page:
        """Return a page."""
        html = render_template(template, TEMPLATES, root=self.root, folder=self.folder, **values)
        return Page(html, status)

    def show_problem(self, problem: str, status: int = 422) -> Page:
        """Return a page that says why something was not done."""
        return self.render("problem.html.j2", status, problem=clean_message(problem))

    def say(self, text: str, path: str) -> Page:
        """Go to a page, which says something once."""
        key = token_hex(8)
        self._notes[key] = text
        while len(self._notes) > MOST_NOTES:
            self._notes.pop(next(iter(self._notes)))
        return Page(goes_to=f"{path}?{urlencode({'said': key})}", status=303)

    def show_home(self) -> Page:
        """Return the list of studies, and the place for a new table."""
        config = read_config()
        studies, rejected = load_studies(config)
        here = {name: study for name, study in studies.items() if study.table.file and study.is_experiment}
        used = {Path(study.table.file) for study in studies.values() if study.table.file}
        return self.render(
            "home.html.j2",
            here=sorted(here.items(), key=lambda item: (item[1].edition != "own", item[0])),
            others={name: study for name, study in studies.items() if name not in here},
            rejected={name: clean_message(str(error)) for name, error in rejected.items()},
            tables=list_free_tables(used),
        )

    def take_table(self, name: str, data: bytes) -> Page:
        """Keep a table that was dropped, and go to what is guessed of it.

        Raises:
            BatteryMIError: if it is none, or cannot be kept.
        """
        return Page(goes_to=f"new?{urlencode({'table': keep_table(name, data)})}", status=303)

    def show_draft(self, chosen: Mapping[str, str]) -> Page:
        """Return what is guessed of a table, with what was changed in the guesses.

        Raises:
            BatteryMIError: if there is no such table.
        """
        path = self._find_table(chosen)
        if is_workbook(path):
            sheets = name_sheets(path)
            wanted = chosen.get("sheet")
            if len(sheets) > 1 and wanted not in sheets:
                return self.render("sheets.html.j2", table=path, sheets=sheets)
            kept = keep_sheet(path, wanted if sheets else None)
            return Page(goes_to=f"new?{urlencode({'table': kept, 'from': path})}", status=303)
        source = chosen.get("from", "")
        found = propose_study(path, read_config(), chosen)
        return self.render("draft.html.j2", found=found, source=source, roles=ROLES, goals=GOALS)

    def start_study(self, chosen: Mapping[str, str]) -> Page:
        """Write the study that was guessed, and go to its page.

        Raises:
            BatteryMIError: if there can be none.
        """
        path = self._find_table(chosen)
        found = propose_study(path, read_config(), chosen)
        if found.problem:
            return self.render("draft.html.j2", 422, found=found, source="", roles=ROLES, goals=GOALS)
        study = Study.from_csv(path, found.name, self.folder, **found.guidance)
        page = self.say(f"{study.file.relative_to(self.folder)} was written.", f"studies/{study.name}")
        return replace(page, study=study.name)

    def _find_table(self, chosen: Mapping[str, str]) -> Path:
        """Return the table that a page is about: one in `data/`, whatever the request names.

        Raises:
            TableError: if there is no such table.
        """
        wanted = chosen.get("table", "")
        found = next((path for path in list_free_tables(set()) if str(path) == wanted), None)
        if found is None:
            raise TableError(f"'{wanted[:80]}': there is no such table in data/")
        return found

    def show_study(self, name: str, chosen: Mapping[str, str], **more: Any) -> Page:
        """Return the page of a study.

        Args:
            name: of the study.
            chosen: `said` names what is to be said once.
            more: `problem`, what was not done and why; `given`, cells that were filled in; `status` of the answer.

        Raises:
            BatteryMIError: if there is no such study, or its settings are wrong.
        """
        view = view_study(self._open(name))
        job = self.jobs.find()
        outcome = self.jobs.outcomes.get(name)
        return self.render(
            "study.html.j2",
            more.pop("status", 200),
            view=view,
            job=job if job and job.study == name else None,
            said=self._notes.pop(chosen.get("said", ""), ""),
            outcome=outcome,
            problem=more.get("problem", ""),
            given=more.get("given", {}),
        )

    def _open(self, name: str) -> Study:
        """Return a study.

        Raises:
            ConfigError: if there is none of that name, or its settings are wrong.
        """
        if name not in list_study_files(read_config()):
            raise ConfigError([f"'{name[:80]}' is not a study of this project"])
        return Study.open(name, self.folder)

    def change(self, name: str, action: str, given: Mapping[str, str]) -> Page:
        """Do what a form of a study's page says; where it cannot be done, the page comes back with the reason.

        Args:
            name: of the study.
            action: `results`, `cells` or `settings`.
            given: the form.

        Raises:
            BatteryMIError: if there is no such study.
        """
        study = self._open(name)
        doing = {"results": self._enter_results, "cells": self._correct_cells, "settings": self._change_settings}
        try:
            with self._turn:
                # models of what is to be changed would be of no use, and hold the study meanwhile
                self.jobs.abandon(name)
                said = doing[action](study, given)
        except BatteryMIError as error:
            return self.show_study(name, {}, problem=clean_message(str(error)), given=given, status=409)
        self.jobs.outcomes.pop(name, None)
        return self.say(said, f"studies/{name}")

    def _refuse_stale(self, study: Study, given: Mapping[str, str]) -> Path:
        """Return the table, unless a window shows what it was before.

        Raises:
            TableError: if the table has changed.
            ConfigError: if its rows are made by the workflow.
        """
        table = study.table.relative_to(self.folder)
        if digest_table(table) != given.get("table-digest"):
            raise TableError(f"{table} {AGAIN}")
        return table

    def _enter_results(self, study: Study, given: Mapping[str, str]) -> str:
        """Write results into the table; return what was done."""
        self._refuse_stale(study, given)
        if (job := self.jobs.find()) and job.study == study.name:
            raise TableError("A batch is being made from the table; enter results when it is done, or stop it")
        written = study.tell(read_results(given, list(study.units)))
        lines = ", ".join(map(str, written["line"]))
        results = "1 result was" if len(written) == 1 else f"{len(written)} results were"
        where = f"line {lines}" if len(written) == 1 else f"lines {lines}"
        notes = "".join(f" Please note: {note}." for note in study.notes)
        copy = Path(written.attrs["copy"]).name
        return f"{results} written to {study.table.relative_to(self.folder)}, {where}; as it was: {copy}.{notes}"

    def _correct_cells(self, study: Study, given: Mapping[str, str]) -> str:
        """Write corrected cells into the table; return what was done."""
        table = self._refuse_stale(study, given)
        cells = {}
        for key, value in given.items():
            kind, _, place = key.partition("-")
            line, _, column = place.partition("-")
            if kind == "cell" and line.isdecimal() and value != given.get(f"was-{place}"):
                cells[int(line), column] = value
        with study.open_work() as work:
            copy = correct_cells(work.study, table, cells)
        changed = "1 cell was" if len(cells) == 1 else f"{len(cells)} cells were"
        return f"{changed} corrected in {table}; as it was: {copy.name}."

    def _change_settings(self, study: Study, given: Mapping[str, str]) -> str:
        """Write settings that were changed; return what was done."""
        text, file = study.settings, study.file.relative_to(self.folder)
        if digest_text(text) != given.get("settings-digest"):
            raise ConfigError([f"{file} {AGAIN}"])
        return f"{file} was changed." if change_settings(file, text, given) else "Nothing was changed."

    def start_batch(self, name: str, given: Mapping[str, str]) -> Page:
        """Begin a batch, in the main thread, and go to the study's page.

        Raises:
            BatteryMIError: if it cannot begin.
        """
        number = given.get("n", "").strip()
        if number and not (number.isdecimal() and 1 <= int(number) <= 1000):
            raise ConfigError([f"'{number[:20]}': give a number of designs from 1 to 1000"])
        self.jobs.start(name, int(number) if number else None)
        return Page(goes_to=f"studies/{name}", status=303)

    def check_batch(self, name: str, given: Mapping[str, str]) -> None:
        """Refuse a batch from a table that is another one than the window shows, or that has problems.

        Raises:
            BatteryMIError: which says why.
        """
        self._refuse_stale(self._open(name), given)

    def read_batch(self, name: str) -> tuple[str, bytes]:
        """Return the last batch as CSV, with a name for the file.

        Raises:
            TableError: if there is none.
        """
        view: StudyView = view_study(self._open(name))
        if view.batch is None:
            raise TableError(f"{name}: there is no batch yet")
        number = view.batch.names[0].partition("-")[0] if view.batch.names else "b"
        return f"{name}_{number}.csv", view.batch.file.read_bytes()


def read_results(given: Mapping[str, str], objectives: list[str]) -> dict[str, Any]:
    """Return the results of a form as `Study.tell` takes them; rows that were left empty are left out.

    Args:
        given: fields `result-b1-01-0`, of the first objective of a suggestion.
        objectives: names.
    """
    rows: dict[str, dict[str, str]] = {}
    for key, value in given.items():
        kind, _, rest = key.partition("-")
        name, _, place = rest.rpartition("-")
        if kind == "result" and place.isdecimal() and int(place) < len(objectives) and value.strip():
            rows.setdefault(name, {})[objectives[int(place)]] = value.strip()
    results: dict[str, Any] = {}
    for name, row in rows.items():
        words = {read_word(value) for value in row.values()} & {PENDING, FAILED}
        # one word stands for the whole experiment
        results[name] = next(iter(row.values())) if len(row) == 1 and (words or len(objectives) == 1) else row
    return results
