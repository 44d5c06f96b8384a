"""A study in five steps, for notebooks and other programs: from a table to the next batch, and results back into it.

Each step calls what the command line and the workflow call, and reads and writes the same files: the YAML of the
study, the user's table, and the ledger of the campaign. Models and batches are kept in `.batterymi/` beside them, and
made again only if settings, table or code have changed.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Unpack

import pandas as pd

from batterymi.authoring.check import NOTE, Check, Problem, check_study
from batterymi.authoring.new_study import Draft, draft_study, list_roles, write_study
from batterymi.config.study import Study as Settings
from batterymi.data.header_units import match_headers
from batterymi.data.read_table import read_table
from batterymi.errors import ConfigError
from batterymi.notebook.arguments import name_arguments, read_count, read_rows, require
from batterymi.notebook.compute import Work, check_campaign, make_batch, make_models
from batterymi.notebook.fit import Fit, read_fit
from batterymi.notebook.guidance import Guidance, read_guidance
from batterymi.notebook.show import show_block, show_frame, show_list, show_text
from batterymi.notebook.tell import Results, read_state, write_results
from batterymi.notebook.workplace import Workplace, hold_study, run_quietly, work_in
from batterymi.reporting.study_results import StudyResults
from batterymi.workflow.settings import find_study, read_config

ROLES = ["column", "role", "unit", "why"]
PROBLEMS = ["file", "line", "column", "found", "wanted", "text"]
PATH = (str, os.PathLike)
MOST = 1000  # designs of a batch


@dataclass(frozen=True)
class Checked:
    """What is known of a study before anything runs.

    Attributes:
        ok: whether it can run.
        counts: rows of the table by what they are: train (measured), pending, failed, withdrawn.
        said: what was understood, a line each.
        notes: what should be looked at.
        problems: what keeps the study from running; columns file, line, column, found, wanted and text, empty where
            they do not apply.
        left_out: rows that are not used, in the same columns.
    """

    ok: bool
    counts: dict[str, int]
    said: list[str]
    notes: list[str]
    problems: pd.DataFrame
    left_out: pd.DataFrame

    def _repr_html_(self) -> str:
        """Return what was found, for notebooks."""
        parts = [show_list(self.said), show_list(self.notes)]
        parts += [show_frame(frame) for frame in (self.problems, self.left_out) if len(frame)]
        return show_block("can run" if self.ok else "cannot run yet", *parts)


@dataclass
class Study:
    """A study of a project's folder.

    Make one by `Study.from_csv` or `Study.open`. Nothing is kept in memory that is not in files, so that a notebook may
    be closed at any time. Two processes that work on one study wait for each other. All errors are `BatteryMIError`,
    with the messages of the command line. Calls of one process take turns, since each works in the project's folder.

    Attributes:
        name: of the study; its settings are `config/studies/NAME.yaml`.
        folder: of the project, absolute.
        configfile: YAML file that is laid over `config/config.yaml`, as `snakemake --configfile` takes it; None if none
            is.
        notes: what the last call warned of.
    """

    name: str
    folder: Path
    configfile: Path | None = None
    notes: list[str] = field(default_factory=list, repr=False)
    _draft: Draft | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        name: str | None = None,
        folder: str | os.PathLike[str] = ".",
        **guidance: Unpack[Guidance],
    ) -> "Study":
        """Start a study from a table: guess what each column is for, and write `config/studies/NAME.yaml`.

        The guesses and the file are those of `batterymi new-study`; a study that exists is never written over.

        Args:
            path: the table: CSV, .xlsx, .ods or .parquet, one row per experiment, in the project's folder.
            name: of the study; None takes that of the file.
            folder: of the project, as `batterymi init` makes it.
            guidance: what the guesses would else decide; see `Guidance`.

        Raises:
            ConfigError: if the name cannot be used, there is such a study, or a column cannot be what is said of it.
            TableError: if the table cannot be used.
        """
        require("path", path, PATH, "the name of a file")
        require("name", name, (str, NoneType), "a text")
        project, table = _find_project(folder), Path(path)
        absolute = table.resolve() if table.exists() else project / table
        with work_in(project):
            table = absolute.relative_to(project) if absolute.is_relative_to(project) else absolute
            reading, wishes, fill = read_guidance(guidance)
            draft = draft_study(table, read_config(), name, reading, wishes, fill)
            write_study(draft)
        return cls(draft.name, project, _draft=draft)

    @classmethod
    def open(
        cls, name: str, folder: str | os.PathLike[str] = ".", configfile: str | os.PathLike[str] | None = None
    ) -> "Study":
        """Open a study that exists.

        Args:
            name: of the study.
            folder: of the project.
            configfile: YAML file that is laid over `config/config.yaml`, as `snakemake --configfile` takes it, relative
                to the project's folder.

        Raises:
            ConfigError: if there is no study of that name, or its YAML is wrong.
        """
        require("name", name, str, "the name of a study")
        require("configfile", configfile, (*PATH, NoneType), "the name of a file")
        project = _find_project(folder)
        with work_in(project):
            over = Path(configfile) if configfile else None
            find_study(name, read_config(over))
        return cls(name, project, over)

    @property
    def file(self) -> Path:
        """Return the file of the settings, to be edited."""
        with work_in(self.folder):
            return self.folder / read_config(self.configfile).studies_folder / f"{self.name}.yaml"

    @property
    def settings(self) -> str:
        """Return the settings as YAML text."""
        return self.file.read_text(encoding="utf-8")

    @property
    def table(self) -> Path:
        """Return the file of the user's table.

        Raises:
            ConfigError: if its rows are made by the workflow.
        """
        with self.open_work() as work:
            return self.folder / work.table

    @property
    def ledger(self) -> Path:
        """Return the file of the campaign's ledger, which is there after the first batch."""
        with self.open_work() as work:
            return self.folder / work.ledger

    @property
    def roles(self) -> pd.DataFrame:
        """Return what each column of the table is for: column, role, unit and why; for new studies as guessed."""
        if self._draft:
            roles = pd.DataFrame(list_roles(self._draft.guess.plan.roles), columns=ROLES)
            return roles.assign(why=roles["why"].map(name_arguments))
        with self.open_work() as work:
            return _list_roles_of(work)

    @property
    def questions(self) -> list[str]:
        """Return what to look at in the guesses of a new study, a line each; none for one that was opened."""
        return [name_arguments(line) for line in self._draft.questions] if self._draft else []

    @property
    def units(self) -> dict[str, str]:
        """Return the unit of each objective in the table, in which `tell` takes plain numbers."""
        with self.open_work() as work:
            state = read_state(work)
            return {objective.name: state.find_unit(objective) for objective in work.study.objectives}

    def check(self) -> Checked:
        """Check settings, table, candidates and ledger, as `batterymi check` does, in seconds.

        What keeps the study from running is returned, not raised.
        """
        with work_in(self.folder):
            config = read_config(self.configfile)
            check = Check()
            try:
                check = check_study(self.name, find_study(self.name, config), config)
            except ConfigError as error:
                check.add_error(error)
        said = [line for line in check.said if not line.startswith(NOTE)]
        notes = [line.removeprefix(NOTE) for line in check.said if line.startswith(NOTE)]
        problems, left_out = _make_frame(check.problems), _make_frame(check.left_out)
        return Checked(not check.errors, check.counts, said, notes, problems, left_out)

    def fit(self) -> Fit:
        """Compare the study's models on held-out rows, and refit the best on all rows.

        The stages and settings are those of `snakemake NAME`, and so are the numbers. It takes a minute for some tens
        of rows; what was made from the same settings, rows and code is used again.

        Raises:
            ConfigError: if the study's rows are made by the workflow.
            TableError: if the table cannot be used.
        """
        with self.open_work() as work, hold_study(work.place), run_quietly(work.place) as messages:
            make_models(work)
            self.notes = messages.warnings
            return read_fit(work, self.notes, self.folder)

    def suggest(self, n: int | None = None) -> pd.DataFrame:
        """Suggest what to measure next, and keep the batch in the ledger of the study's campaign.

        The batch is that of `snakemake NAME`, with the same names; on the same rows it is the same batch.

        Args:
            n: how many designs, 1 to 1000; None takes `campaign.suggestions`.

        Returns:
            One row per design, indexed by the names of the suggestions, as `b1-01`: the features, in the units of the
            study; for each objective, in its unit, the prediction `NAME` with 95 % bounds `NAME_lower_95` and
            `NAME_upper_95`; the distance to the rows of the table; `why`. `attrs["units"]` has the units.

        Raises:
            ConfigError: if the study is no campaign of experiments.
            DesignError: if no design meets the constraints.
            TableError: if the table, the ledger or the list of candidates cannot be used.
            OutputError: if the ledger cannot be written.
        """
        n = read_count("n", n, MOST)
        with self.open_work() as work, hold_study(work.place), run_quietly(work.place) as messages:
            make_batch(work, n)
            self.notes = messages.warnings
            batch = StudyResults.of_folder(work.place.folder, work.study).suggestions
            columns = {column.name: column.unit for column in (*work.study.designable, *work.study.objectives)}
            columns |= {quantity.name: quantity.unit for quantity in work.study.derived}
        batch = batch.set_index("suggestion")
        batch.attrs["units"] = {name: unit for name, unit in columns.items() if name in batch}
        return batch

    def tell(self, results: Results | pd.Series, units: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Write what was measured into the user's table: all of it, or nothing.

        A row that is pending under the name of the suggestion is filled in; other results become new rows, in the
        manner of the table. A copy of the table as it was is kept beside it.

        Args:
            results: by name of suggestion, as `{"b1-01": 88.4, "b1-02": "failed"}`; with several objectives or further
                columns of the table, `{"b1-01": {"capacity": 182, "rate": 3.1, "operator": "A"}}`; or a frame or list
                of rows with a column `suggestion`, or with a whole design instead. Results are numbers in the unit
                of the table (`Study.units`), texts with a unit, as `"3.4 mS/cm"`, with an error, as `"3.4 ± 0.2"`, or a
                limit, as `"< 2"`, in the unit of the table; or `pending` or `failed`. Designs are in the units of the
                study.
            units: of plain numbers, by objective, where they are not those of the table.

        Returns:
            One row per result: `suggestion`, `line` of the table, whether it was `appended` or `filled in`, and the
            cells that were written. `attrs["copy"]` is the copy of the table.

        Raises:
            ConfigError: if the study is no campaign of experiments.
            TableError: if a name is unknown, a result is missing, out of range, or there already, or the table is open
                in a spreadsheet or is none to which rows can be appended; nothing is written.
            OutputError: if the table cannot be written.
        """
        given = read_rows("results", results, "results by name of suggestion, as {'b1-01': 88.4}, or a frame of rows")
        require("units", units, (Mapping, NoneType), "a unit for each objective, as {'capacity': 'Ah/g'}")
        for name, unit in (units or {}).items():
            require(f"units: {name}", unit, str, "a text, as 'Ah/g'")
        with self.open_work() as work, hold_study(work.place):
            check_campaign(work)
            written, copy, self.notes = write_results(work, read_state(work), given, units or {})
        written.attrs["copy"] = str(copy)
        return written

    @contextmanager
    def open_work(self) -> Iterator[Work]:
        """Yield the study with its present settings, in the project's folder."""
        with work_in(self.folder):
            config = read_config(self.configfile)
            yield Work(find_study(self.name, config), config, Workplace(self.name))

    def _repr_html_(self) -> str:
        """Return title, file and roles, for notebooks."""
        with self.open_work() as work:
            title, source = work.study.title, work.study.table.file or "rows made by the workflow"
        place = f"<p>{show_text(self.file.relative_to(self.folder))}; {show_text(source)}</p>"
        return show_block(title, place, show_frame(self.roles), show_list(self.questions))


def _find_project(folder: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a project's folder.

    Raises:
        ConfigError: if it is no path.
    """
    require("folder", folder, PATH, "the name of a folder")
    return Path(folder).resolve()


def _make_frame(problems: Sequence[Problem]) -> pd.DataFrame:
    """Return problems as a table."""
    frame = pd.DataFrame([vars(problem) for problem in problems], columns=PROBLEMS)
    return frame.astype({"line": "Int64"})


def _list_roles_of(work: Work) -> pd.DataFrame:
    """Return what the settings of a study say of the columns of its table."""
    study: Settings = work.study
    headers = list(read_table(work.table, study.table).frame.columns)
    names = match_headers(headers, study.table.columns, (*study.features, *study.objectives))
    columns = {column.name: column for column in (*study.features, *study.objectives)}
    inputs = {column for descriptor in study.descriptors for column in descriptor.columns.values()}
    known = {
        **dict.fromkeys(inputs, "formula"),
        **dict.fromkeys(study.table.group_columns, "group"),
        **{name: "id" for name in (study.id_column,) if name},
        **{name: "status" for name in (study.table.status,) if name},
        **{feature.name: "factor" for feature in study.features},
        **{objective.name: "objective" for objective in study.objectives},
    }
    rows = []
    for header in map(str, headers):
        name = names.get(header, header)
        unit = columns[name].unit if name in columns else ""
        why = f"the settings have it as {name}" if name in known else "the settings do not name it"
        rows.append((header, known.get(name, "ignored"), "" if unit == "1" else unit, why))
    return pd.DataFrame(rows, columns=ROLES)
