"""What the page of a study shows: all of it read from files, so that nothing is lost when the app is closed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.app.settings_form import Group, digest_text, list_groups
from batterymi.app.tables import digest_table, is_workbook
from batterymi.config.parts import Objective
from batterymi.errors import BatteryMIError
from batterymi.figures.interactive.base import Chart
from batterymi.figures.interactive.campaign import chart_front
from batterymi.figures.interactive.model import chart_parity
from batterymi.notebook.compute import Work
from batterymi.notebook.fit import read_fit
from batterymi.notebook.study import Checked, Study
from batterymi.notebook.tell import read_state
from batterymi.optimise.campaigns.matched_results import compare_suggestions
from batterymi.reporting.report_tables import SortedTable, list_suggestions
from batterymi.reporting.study_results import StudyResults

ENGINE_COLUMNS = ("_engine_mean", "_engine_sd")
OPEN_STATES = ("not tried", "pending", "not comparable")


@dataclass(frozen=True)
class Batch:
    """The last batch of suggestions.

    Attributes:
        names: of the suggestions.
        table: predictions with intervals and reasons, in the same order.
        status: of each: not tried, pending, measured, failed.
        file: that has them.
    """

    names: tuple[str, ...]
    table: SortedTable
    status: dict[str, str]
    file: Path

    @property
    def n_answered(self) -> int:
        """Return how many have a result."""
        return sum(state not in OPEN_STATES for state in self.status.values())

    def is_open(self, name: str) -> bool:
        """Return whether a suggestion waits for a result."""
        return self.status.get(name, OPEN_STATES[0]) in OPEN_STATES


@dataclass(frozen=True)
class Trust:
    """How far the models can be trusted.

    Attributes:
        verdict: in words.
        scores: of the selected models, a row for each objective.
        sentences: by subject.
    """

    verdict: str
    scores: list[dict[str, str]]
    sentences: dict[str, str]


@dataclass
class StudyView:
    """A study as its page shows it.

    Attributes:
        name: of the study.
        title: its heading.
        file: its YAML.
        settings: content of the file.
        settings_digest: of the content.
        table: the user's table; None where the workflow makes the rows.
        table_digest: of its content.
        ledger: of the campaign.
        is_workbook: whether results cannot be written to the table.
        can_suggest: whether it is a campaign of experiments on a table.
        checked: settings and rows.
        objectives: of the study.
        units: of each objective in the table.
        groups: fields of the settings.
        batch: the last one; None if there is none.
        trust: in the models; None if there are none.
        charts: figures of models and suggestions.
        problem: why results cannot be shown; empty if they can.
    """

    name: str
    title: str
    file: Path
    settings: str
    settings_digest: str
    table: Path | None
    table_digest: str
    ledger: Path
    is_workbook: bool
    can_suggest: bool
    checked: Checked
    objectives: tuple[Objective, ...]
    units: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    batch: Batch | None = None
    trust: Trust | None = None
    charts: list[Chart] = field(default_factory=list)
    problem: str = ""

    @property
    def label(self) -> str:
        """Return what the study has: rows and open results."""
        counts = {"train": "measured", "pending": "pending", "failed": "failed", "withdrawn": "withdrawn"}
        parts = [f"{n} {counts.get(split, split)}" for split, n in self.checked.counts.items()]
        return ", ".join(parts)


def view_study(study: Study) -> StudyView:
    """Return what is known of a study.

    Raises:
        BatteryMIError: if its settings are wrong.
    """
    file, settings = study.file, study.settings
    with study.open_work() as work:
        table = Path(work.study.table.file) if work.study.table.file else None
        view = StudyView(
            study.name,
            work.study.title,
            file.relative_to(study.folder),
            settings,
            digest_text(settings),
            table,
            digest_table(table) if table else "",
            work.ledger,
            bool(table and is_workbook(table)),
            bool(table and work.study.is_experiment),
            study.check(),
            work.study.objectives,
        )
        view.groups = list_groups(settings)
        if view.checked.ok and view.can_suggest:
            try:
                view.units = study.units
                _add_results(view, work, study.folder)
            except BatteryMIError as error:
                view.problem = str(error)
    return view


def _add_results(view: StudyView, work: Work, folder: Path) -> None:
    """Add the last batch, and the models that it rests on.

    Raises:
        BatteryMIError: if a file is damaged.
    """
    results = StudyResults.of_folder(work.place.folder, work.study)
    path = results.files["suggestions"]
    if not path.is_file():
        return
    state, frame = read_state(work), results.suggestions
    compared = compare_suggestions(state.ledger.batches, state.checked.rows, state.space, work.study.objectives, -1)
    status = dict(zip(compared["suggestion"], compared["status"], strict=True))
    names = tuple(map(str, frame["suggestion"]))
    # what the engine's own model expects is said in the reasons; the file has its numbers
    vars(results)["suggestions"] = frame.drop(columns=[c for c in frame if str(c).endswith(ENGINE_COLUMNS)])
    view.batch = Batch(
        names,
        list_suggestions(view.name, results, path.read_text(encoding="utf-8")),
        {name: status.get(name, OPEN_STATES[0]) for name in names},
        path,
    )
    fit = read_fit(work, [], folder)
    view.trust = Trust(
        fit.verdict,
        [_describe_scores(row, work) for row in fit.scores.to_dict("records")],
        {subject.replace("_", " "): text for subject, text in fit.trust.items()},
    )
    front = chart_front(results)
    view.charts = [*(chart_parity(results, o) for o in work.study.objectives), *([front] if front else [])]


def _describe_scores(row: dict[Any, Any], work: Work) -> dict[str, str]:
    """Return the scores of the selected model of an objective, as texts."""
    objective = next(o for o in work.study.objectives if o.name == row["objective"])

    def show(name: str, unit: str = "") -> str:
        ends = [row.get(f"{name}_{end}") for end in ("lower", "upper")]
        interval = f" [{ends[0]:.2g}, {ends[1]:.2g}]" if all(pd.notna(end) for end in ends) else ""
        return f"{row[name]:.2g}{interval}{unit}"

    return {
        "objective": objective.label,
        "model": str(row["model"]).replace("_", " "),
        "error": show("mae", "" if objective.unit == "1" else f" {objective.unit}"),
        "q2": show("q2"),
        "verdict": str(row["verdict"]),
    }
