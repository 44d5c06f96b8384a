"""The pages of the app, and what their forms do: each calls what notebooks and commands call, on the same files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from batterymi.app.actions import Said, enter_cells, enter_results, enter_settings, refuse_stale
from batterymi.app.draft import GOALS, ROLES, propose_study
from batterymi.app.entries import WAS, describe_typed, list_typed
from batterymi.app.jobs import Jobs
from batterymi.app.study_view import StudyView, view_study
from batterymi.app.tables import is_workbook, keep_sheet, keep_table, list_free_tables, name_sheets
from batterymi.app.words import use_page_words
from batterymi.config.load import list_study_files, load_studies
from batterymi.errors import BatteryMIError, ConfigError, TableError
from batterymi.notebook.study import Study
from batterymi.reporting.pages import render_template
from batterymi.text_safety import clean_message
from batterymi.workflow.settings import read_config

TEMPLATES = Path(__file__).with_name("templates")
MOST_NOTES = 100  # that wait for their page
BUSY = "A batch is being made from the table; enter results when it is done, or stop it"


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
        self._notes: dict[str, Said] = {}
        # between the comparison with what a window has seen, and the writing
        self._turn = Lock()

    def render(self, template: str, status: int = 200, **values: Any) -> Page:
        """Return a page."""
        html = render_template(template, TEMPLATES, root=self.root, folder=self.folder, **values)
        return Page(html, status)

    def show_problem(self, problem: str, status: int = 422, back: str = "", lost: Sequence[str] = ()) -> Page:
        """Return a page that says why something was not done.

        Args:
            problem: why.
            status: of the answer.
            back: address of the page to go back to, beside the first one.
            lost: what was typed, a line each.
        """
        said = use_page_words(clean_message(problem))
        return self.render("problem.html.j2", status, problem=said, back=back, lost=lost)

    def say(self, said: Said, path: str) -> Page:
        """Go to a page, which says something once."""
        key = token_hex(8)
        self._notes[key] = said
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
        if found.problem or found.missing:
            source = chosen.get("from", "")
            return self.render("draft.html.j2", 422, found=found, source=source, roles=ROLES, goals=GOALS)
        study = Study.from_csv(path, found.name, self.folder, **found.guidance)
        page = self.say(Said(f"{study.file.relative_to(self.folder)} was written."), f"studies/{study.name}")
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
        found = self.jobs.find()
        job = found if found and found.study == name else None
        given: Mapping[str, str] = more.get("given", {})
        typed, fields = list_typed(given), view.list_fields(is_busy=job is not None)
        # another line may have the number by now
        kept = {
            key: text
            for key, text in typed.items()
            if key in fields and (not key.startswith("cell-") or given.get(f"{WAS}{key}") == fields[key])
        }
        outcome = self.jobs.outcomes.get(name)
        return self.render(
            "study.html.j2",
            more.pop("status", 200),
            view=view,
            job=job,
            is_fitting=self.jobs.is_fitting(name),
            said=self._notes.pop(chosen.get("said", ""), None),
            outcome=outcome,
            problem=more.get("problem", ""),
            given=kept,
            lost=describe_typed({key: text for key, text in typed.items() if key not in kept}),
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

        Where the settings are wrong by now, so that there is no such page, what was typed is listed.
        """
        doing = {"results": enter_results, "cells": enter_cells, "settings": enter_settings}
        try:
            study = self._open(name)
            with self._turn:
                if action == "results" and (job := self.jobs.find()) and job.study == name:
                    raise TableError(BUSY)
                # models of what is to be changed would be of no use, and hold the study meanwhile
                self.jobs.abandon(name)
                said = doing[action](study, given)
        except BatteryMIError as error:
            return self._come_back(name, str(error), given)
        self.jobs.outcomes.pop(name, None)
        return self.say(said, f"studies/{name}")

    def _come_back(self, name: str, problem: str, given: Mapping[str, str]) -> Page:
        """Return the page of a study with what was not done, and what was typed; without its page, both alone."""
        try:
            return self.show_study(name, {}, problem=use_page_words(clean_message(problem)), given=given, status=409)
        except BatteryMIError as error:
            said = "\n".join(dict.fromkeys([problem, str(error)]))
            return self.show_problem(said, 409, f"studies/{name}", describe_typed(list_typed(given)))

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
        study = self._open(name)
        refuse_stale(study, given)
        if not study.check().ok:
            raise TableError("No batch before the problems below are corrected")

    def read_batch(self, name: str) -> tuple[str, bytes]:
        """Return the last batch as CSV, with a name for the file.

        Raises:
            TableError: if there is none.
        """
        view: StudyView = view_study(self._open(name))
        if view.batch is None or view.batch.file is None:
            raise TableError(f"{name}: there is no batch yet")
        number = view.batch.rows[0].name.partition("-")[0] if view.batch.rows else "b"
        return f"{name}_{number}.csv", view.batch.file.read_bytes()
