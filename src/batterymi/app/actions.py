"""What the forms of a study's page do: results, cells and settings are written, or refused in a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from batterymi.app.entries import list_typed
from batterymi.app.settings_form import change_settings, digest_text
from batterymi.app.study_view import find_decimal
from batterymi.app.tables import correct_cells, digest_table
from batterymi.authoring.check import check_study
from batterymi.config.study import Study as Settings
from batterymi.data.row_status import read_word
from batterymi.errors import ConfigError, TableError
from batterymi.notebook.study import Study
from batterymi.vocabulary.splits import FAILED, PENDING
from batterymi.workflow.settings import find_study, read_config

AGAIN = "was changed since this page was made; nothing was written. What you see now is how it is; send again"
MOST_PROBLEMS = 20


class Said(NamedTuple):
    """What is said of what was done.

    Attributes:
        text: for the user.
        is_doubtful: whether there is something to look at.
    """

    text: str
    is_doubtful: bool = False


def refuse_stale(study: Study, given: Mapping[str, str]) -> Path:
    """Return the table, unless a window shows what it was before.

    Args:
        study: of the page.
        given: the form, with the digest of the table that it was made from.

    Raises:
        TableError: if the table has changed.
        ConfigError: if its rows are made by the workflow.
    """
    table = study.table.relative_to(study.folder)
    if digest_table(table) != given.get("table-digest"):
        raise TableError(f"{table} {AGAIN}")
    return table


def enter_results(study: Study, given: Mapping[str, str]) -> Said:
    """Write results into the table; return what was done.

    Raises:
        BatteryMIError: if one of them cannot be; nothing is written then.
    """
    table = refuse_stale(study, given)
    written = study.tell(read_results(given, list(study.units)))
    lines = ", ".join(map(str, written["line"]))
    results = "1 result was" if len(written) == 1 else f"{len(written)} results were"
    where = f"line {lines}" if len(written) == 1 else f"lines {lines}"
    notes = "".join(f" Please note: {note}." for note in study.notes)
    copy = Path(written.attrs["copy"]).name
    return Said(f"{results} written to {table}, {where}; as it was: {copy}.{notes}", bool(notes))


def read_results(given: Mapping[str, str], objectives: list[str]) -> dict[str, Any]:
    """Return the results of a form as `Study.tell` takes them; rows that were left empty are left out.

    Args:
        given: fields as `result-b1-01-capacity`.
        objectives: names.
    """
    rows: dict[str, dict[str, str]] = {}
    for key, value in given.items():
        kind, _, rest = key.partition("-")
        name, _, objective = rest.rpartition("-")
        if kind == "result" and objective in objectives and value.strip():
            rows.setdefault(name, {})[objective] = value.strip()
    results: dict[str, Any] = {}
    for name, row in rows.items():
        words = {read_word(value) for value in row.values()} & {PENDING, FAILED}
        # one word stands for the whole experiment
        results[name] = next(iter(row.values())) if len(row) == 1 and (words or len(objectives) == 1) else row
    return results


def enter_cells(study: Study, given: Mapping[str, str]) -> Said:
    """Write corrected cells into the table; return what was done, and which of them are still wrong.

    Raises:
        BatteryMIError: if there is no such cell, or it cannot be written.
    """
    table = refuse_stale(study, given)
    cells = {}
    for key, value in list_typed(given).items():
        kind, _, place = key.partition("-")
        line, _, column = place.partition("-")
        if kind == "cell" and line.isdecimal():
            cells[int(line), column] = value
    with study.open_work() as work:
        copy = correct_cells(work.study, table, cells)
    checked = study.check()
    wrong = [p for p in checked.problems.to_dict("records") if (p["line"], p["column"]) in cells]
    wrong += [p for p in checked.left_out.to_dict("records") if (p["line"], p["column"]) in cells]
    written = "1 cell was" if len(cells) == 1 else f"{len(cells)} cells were"
    done = f"{written} written to {table}; as it was: {copy.name}."
    if not wrong:
        return Said(done.replace("written to", "corrected in", 1))
    which = "; ".join(f"line {p['line']}, {p['column']}: found '{p['found']}': {p['wanted']}" for p in wrong)
    return Said(f"{done} Still wrong: {which}.", True)


def enter_settings(study: Study, given: Mapping[str, str]) -> Said:
    """Write settings that were changed; return what was done.

    Raises:
        BatteryMIError: if a value cannot be, or the table cannot be read with it; nothing is written then.
    """
    text, file = study.settings, study.file.relative_to(study.folder)
    if digest_text(text) != given.get("settings-digest"):
        raise ConfigError([f"{file} {AGAIN}"])
    with study.open_work() as work:
        decimal = find_decimal(Path(work.study.table.file) if work.study.table.file else None, work.study.table)

    def refuse(settings: Settings) -> None:
        refuse_new_problems(study.name, settings)

    return Said(
        f"{file} was changed." if change_settings(file, text, given, refuse, decimal) else "Nothing was changed."
    )


def refuse_new_problems(name: str, settings: Settings) -> None:
    """Refuse settings with problems that the present ones have not.

    Where the table cannot be used as it is, cells at fault may come to light, and keep no settings from being written.

    Args:
        name: of the study.
        settings: that would be written.

    Raises:
        ConfigError: with the problems.
    """
    config = read_config()
    after = check_study(name, settings, config)
    if not after.errors:
        return
    before = check_study(name, find_study(name, config), config)
    known = {problem.text for problem in before.problems}
    found = [p.text for p in after.problems if p.text not in known and (p.line is None or not before.errors)]
    if found:
        more = [f"... and {len(found) - MOST_PROBLEMS} more"] if len(found) > MOST_PROBLEMS else []
        raise ConfigError([*found[:MOST_PROBLEMS], *more, "nothing was written"])
