"""What the page of a study shows: all of it read from files, so that nothing is lost when the app is closed."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from batterymi.app.batches import Batch, read_batches
from batterymi.app.settings_form import Group, digest_text, list_groups
from batterymi.app.tables import digest_table, is_workbook
from batterymi.app.trust import Trust, describe_best_rows, find_batch_age, read_trust
from batterymi.config.parts import Objective
from batterymi.config.sources import Reading
from batterymi.data.read_table import parse_table
from batterymi.errors import BatteryMIError
from batterymi.figures.interactive.base import Chart
from batterymi.figures.interactive.campaign import chart_front
from batterymi.figures.interactive.model import chart_parity
from batterymi.notebook.compute import Work
from batterymi.notebook.study import Checked, Study
from batterymi.notebook.tell import read_state
from batterymi.optimise.campaigns.matched_results import parse_name
from batterymi.reporting.study_results import StudyResults


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
        decimal: what separates decimals in the table.
        best: the best rows so far, a line for each objective.
        batch: the last one; None if there is none.
        others: designs of other batches that have no result yet.
        older: how the table has changed since the last batch; empty if it has not.
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
    decimal: str = "."
    best: list[str] = field(default_factory=list)
    batch: Batch | None = None
    others: Batch = field(default_factory=lambda: Batch((), ()))
    older: str = ""
    trust: Trust | None = None
    charts: list[Chart] = field(default_factory=list)
    problem: str = ""

    @property
    def label(self) -> str:
        """Return what the study has: rows and open results."""
        counts = {"train": "measured", "pending": "pending", "failed": "failed", "withdrawn": "withdrawn"}
        parts = [f"{n} {counts.get(split, split)}" for split, n in self.checked.counts.items()]
        return ", ".join(parts)

    @property
    def problems(self) -> list[dict[str, str]]:
        """Return what keeps the study from running, as texts; `cell` names the cell where it can be corrected here."""
        found = list_records(self.checked.problems)
        for problem in found:
            is_here = problem["line"] and problem["column"] and problem["file"] == str(self.table)
            problem["cell"] = f"{problem['line']}-{problem['column']}" if is_here and not self.is_workbook else ""
        return found

    def list_fields(self, is_busy: bool) -> dict[str, str]:
        """Return the fields of the page's forms with what they hold.

        Args:
            is_busy: whether a batch is being made, so that no results can be entered.
        """
        fields = {field.name: field.value for group in self.groups for field in group.fields}
        fields |= {f"cell-{problem['cell']}": problem["found"] for problem in self.problems if problem["cell"]}
        if self.is_workbook or is_busy:
            return fields
        rows = [*(self.batch.rows if self.batch else ()), *self.others.rows]
        return fields | {f"result-{row.name}-{name}": "" for row in rows for name in row.status if row.waits_for(name)}

    @property
    def left_out(self) -> list[dict[str, str]]:
        """Return the rows that are not used, as texts."""
        return list_records(self.checked.left_out)


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
        view.decimal = find_decimal(table, work.study.table)
        if view.checked.ok and view.can_suggest:
            try:
                _add_results(view, work, study.folder)
            except BatteryMIError as error:
                view.problem = str(error)
    return view


def _add_results(view: StudyView, work: Work, folder: Path) -> None:
    """Add batches, and the models that they rest on.

    Raises:
        BatteryMIError: if a file is damaged.
    """
    state = read_state(work)
    view.units = {objective.name: state.find_unit(objective) for objective in work.study.objectives}
    view.best = describe_best_rows(work, state.checked.rows)
    results = StudyResults.of_folder(work.place.folder, work.study)
    view.batch, view.others = read_batches(work, state, results)
    if view.batch is None:
        return
    number = parse_name(view.batch.rows[0].name) if view.batch.rows else None
    made = [batch for batch in state.ledger.batches if number and batch.number == number[0]]
    view.older = find_batch_age(work, made[0], state) if made else ""
    view.trust = read_trust(work, state.checked, results, folder)
    front = chart_front(results)
    view.charts = [*(chart_parity(results, o) for o in work.study.objectives), *([front] if front else [])]


def find_decimal(table: Path | None, reading: Reading) -> str:
    """Return what separates decimals in a table, "." where it cannot be read."""
    try:
        return parse_table(table.read_bytes(), table, reading).decimal.sign or "." if table else "."
    except (BatteryMIError, OSError):
        return "."


def list_records(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Return problems as texts, empty where something does not apply to one."""
    return [
        {str(key): "" if pd.isna(value) else str(value) for key, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
