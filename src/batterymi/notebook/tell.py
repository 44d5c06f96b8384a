"""Results that a user enters: read, checked as rows of the table, and written into it in one step."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.authoring.table_rows import make_table_rows
from batterymi.config.parts import Objective
from batterymi.config.slices.campaign import DesignSettings
from batterymi.config.slices.data import TableSettings
from batterymi.data.append_rows import append_rows, prepare_append
from batterymi.data.designs import read_pool
from batterymi.data.header_units import Conversion, find_conversions, match_headers
from batterymi.data.plausible import list_implausible
from batterymi.data.read_table import RawTable, parse_table
from batterymi.data.read_workbook import WORKBOOKS
from batterymi.data.row_status import read_word
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import TableError
from batterymi.notebook.compute import Work
from batterymi.notebook.results import (
    NOTHING,
    Results,
    is_empty,
    list_given,
    read_result,
    refuse_other_design,
    take_design,
)
from batterymi.optimise.campaigns.converted_batches import convert_batch
from batterymi.optimise.campaigns.ledger import Ledger, are_same_designs
from batterymi.optimise.campaigns.matched_results import COLUMN, find_name_column, parse_name
from batterymi.optimise.campaigns.next_batch import make_design, make_search
from batterymi.optimise.space.space import Space
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, WITHDRAWN


@dataclass
class Entry:
    """One result that a user enters.

    Attributes:
        label: what messages call it.
        name: of its suggestion; empty for a design that is none.
        design: its features in the units of the study.
        cells: what is to be written, by header of the table.
        line: of the row that waits for it; None for a new row.
    """

    label: str
    name: str
    design: dict[str, Any]
    cells: dict[str, Any]
    line: int | None = None


@dataclass(frozen=True)
class Table:
    """The table of a study as it is now.

    Attributes:
        path: its file.
        content: of the file.
        raw: cells as read.
        checked: rows.
        names: names of the study's columns, by header.
        conversions: columns that are in another unit than in the study.
        ledger: of the campaign.
        space: of designs.
    """

    path: Path
    content: bytes
    raw: RawTable
    checked: CheckedTable
    names: Mapping[str, str]
    conversions: Mapping[str, Conversion]
    ledger: Ledger
    space: Space

    def find_header(self, name: str) -> str:
        """Return the header of a column of the study."""
        headers = [header for header in self.raw.frame.columns if self.names.get(header, header) == name]
        return str(headers[0]) if headers else name

    def find_unit(self, objective: Objective) -> str:
        """Return the unit in which the table has an objective."""
        conversion = self.conversions.get(objective.name)
        return conversion.found if conversion else objective.unit


def read_state(work: Work) -> Table:
    """Read the table and the ledger of a study.

    Raises:
        TableError: if one of them cannot be used.
        DesignError: if no design meets the constraints.
    """
    study, path = work.study, work.table
    settings = TableSettings.take_from(study, path=str(path), dataset=None)
    checked = load_table(settings)
    content = path.read_bytes()
    if sha256(content).hexdigest() != checked.digests[str(path)]:
        raise TableError(f"{path}: the file changed while it was read; {NOTHING}; run again")
    raw = parse_table(content, path, study.table)
    declared = (*study.features, *study.objectives)
    names = match_headers(list(raw.frame.columns), study.table.columns, declared)
    conversions = find_conversions(str(path), names, declared, study.table.units)
    designs = DesignSettings.take_from(study)
    pool = read_pool(Path(study.pool), designs, id_column=study.id_column) if study.pool else None
    space = make_search(designs, checked.rows, pool).space
    return Table(path, content, raw, checked, names, conversions, Ledger(work.ledger), space)


def write_results(
    work: Work, state: Table, results: Results, units: Mapping[str, str]
) -> tuple[pd.DataFrame, Path, list[str]]:
    """Write results into a study's table, all or none.

    Args:
        work: the study.
        state: its table and ledger.
        results: see `Study.tell`.
        units: of results, by objective.

    Returns:
        What was written, a row for each result; a copy of the table as it was; and notes on the new rows.

    Raises:
        TableError: if a name is unknown, a result is missing or cannot be, or the row has one already; nothing is
            written then.
        OutputError: if the table cannot be written.
    """
    if state.path.suffix.lower() in (*WORKBOOKS, ".parquet"):
        raise TableError(
            f"{state.path}: results are written to CSV files only; save the table as CSV, and name that as table.file; "
            f"{NOTHING}"
        )
    unknown = [name for name in units if name not in {objective.name for objective in work.study.objectives}]
    if unknown:
        known = [objective.name for objective in work.study.objectives]
        raise TableError(f"units: '{unknown[0]}' is not an objective; {did_you_mean(unknown[0], known)}; {NOTHING}")
    given = list_given(results, [objective.name for objective in work.study.objectives])
    entries = [_make_entry(label, content, work, state, units) for label, content in given]
    if not entries:
        raise TableError(f"no result was given; {NOTHING}")
    _refuse_repeats(entries)
    new = [entry for entry in entries if entry.line is None]
    rows = _make_rows(new, work, state)
    filled = {entry.line: entry.cells for entry in entries if entry.line is not None}
    after = prepare_append(state.path, rows, state.content, work.study.table, filled)
    added, notes = _check_content(after, work, state, entries)
    copy = append_rows(state.path, rows, state.content, work.study.table, filled)
    numbers = iter(added)
    written = pd.DataFrame(
        {
            COLUMN: [entry.name for entry in entries],
            "line": [entry.line if entry.line is not None else next(numbers) for entry in entries],
            "written": ["filled in" if entry.line is not None else "appended" for entry in entries],
            **{
                header: [entry.cells.get(header, "") for entry in entries]
                for header in dict.fromkeys(header for entry in entries for header in entry.cells)
            },
        }
    )
    return written, copy, notes


def _make_entry(label: str, given: dict[str, Any], work: Work, state: Table, units: Mapping[str, str]) -> Entry:
    """Return what is to be written for one result.

    Raises:
        TableError: naming the suggestion, the column, what was found and what would be right.
    """
    study = work.study
    name = str(given.pop(COLUMN, "") or "")
    design = _find_design(name, work, state) if name else take_design(label, given, state.space.features)
    _refuse_unknown(label, given, work, state, design if name else {})
    line, has_value = _find_waiting_row(name, design, work, state)
    cells: dict[str, Any] = {}
    for objective in study.objectives:
        header, found = state.find_header(objective.name), given.pop(objective.name, None)
        if objective.name in has_value:
            if not is_empty(found):
                raise TableError(
                    f"{label}: {objective.name}: line {line} of {state.path} has this result already; correct it "
                    f"there; {NOTHING}"
                )
        elif is_empty(found):
            raise TableError(
                f"{label}: '{objective.name}' is missing; give a number in {state.find_unit(objective)}, or 'pending' "
                f"or 'failed'; {NOTHING}"
            )
        else:
            where, unit = f"{label}: {objective.name}", state.find_unit(objective)
            cells[header] = read_result(where, found, unit, units.get(objective.name, unit), state.raw.decimal)
    cells |= _take_status(cells, work, state)
    headers = [str(header) for header in state.raw.frame.columns]
    for key, value in given.items():
        header = key if key in headers else state.find_header(key)
        if name and key in design:
            refuse_other_design(label, key, value, design[key])
        elif header in cells:
            raise TableError(f"{label}: '{key}' is written with the result; leave it out; {NOTHING}")
        else:
            cells[header] = value if isinstance(value, str | Real) else str(value)
    return Entry(label, name, design, cells, line)


def _refuse_unknown(label: str, given: Mapping[str, Any], work: Work, state: Table, design: Mapping[str, Any]) -> None:
    """Refuse names that are neither objectives nor columns of the table, before any is said to be missing.

    Raises:
        TableError: naming all of them.
    """
    headers = [str(header) for header in state.raw.frame.columns]
    objectives = [objective.name for objective in work.study.objectives]
    features = {feature.name for feature in work.study.features}
    unknown = [
        key
        for key in given
        if key not in (*design, *objectives) and (key in features or state.find_header(key) not in headers)
    ]
    if unknown:
        names = ", ".join(f"'{show_in_line(key)}'" for key in unknown)
        verb = "is not a column" if len(unknown) == 1 else "are not columns"
        hint = did_you_mean(unknown[0], [*objectives, *headers])
        raise TableError(f"{label}: {names} {verb} of {state.path}; {hint}; {NOTHING}")


def _find_design(name: str, work: Work, state: Table) -> dict[str, Any]:
    """Return the design of a suggestion, in the units of the study.

    Raises:
        TableError: if the ledger has no such suggestion, or its design is none of the study any more.
    """
    wanted, known = parse_name(name), []
    for batch in state.ledger.batches:
        converted = convert_batch(batch, state.space.features, work.study.objectives)
        for item, fault in zip(converted.batch.suggestions, converted.design_faults, strict=True):
            known.append(item.name)
            if item.name != name and (wanted is None or parse_name(item.name) != wanted):
                continue
            if fault:
                raise TableError(f"{name}: its design is not one of the study any more: {fault}; {NOTHING}")
            return dict(item.design)
    hint = did_you_mean(name, known) if known else "there is none yet; `suggest` makes a batch"
    raise TableError(f"'{name}' names no suggestion of {state.ledger.path}; {hint}; {NOTHING}")


def _find_waiting_row(name: str, design: Mapping[str, Any], work: Work, state: Table) -> tuple[int | None, set[str]]:
    """Return the line of the row that waits for a result, and the objectives that it has already.

    Raises:
        TableError: if several rows wait, or one has all results under this name.
    """
    rows = state.checked.rows[state.checked.rows[SPLIT] != WITHDRAWN]
    column = find_name_column(rows.columns)
    objectives = [objective.name for objective in work.study.objectives]
    if name and column:
        found = rows[[parse_name(cell) == parse_name(name) for cell in rows[column]]]
    else:
        found = rows[[are_same_designs(make_design(row, state.space.features), design) for _, row in rows.iterrows()]]
    waits = [_is_waiting(state, int(line), objectives) for line in found["line"]]
    waiting = found[waits]
    if len(waiting) > 1:
        lines = ", ".join(map(str, waiting["line"]))
        raise TableError(f"{name or 'the design'}: lines {lines} of {state.path} wait for it; give one; {NOTHING}")
    if len(waiting):
        row = waiting.iloc[0]
        return int(row["line"]), {name for name in objectives if pd.notna(row[name]) and row[SPLIT] != PENDING}
    if name and len(found):
        line = int(found["line"].iloc[0])
        raise TableError(
            f"{name}: line {line} of {state.path} has its result already; correct it there, or give the whole design "
            f"without the name to add a repeat; {NOTHING}"
        )
    return None, set()


def _is_waiting(state: Table, line: int, objectives: Sequence[str]) -> bool:
    """Return whether a row's cell of an objective is empty, or says that it is under way."""
    cells = [str(state.raw.frame.at[line, state.find_header(name)]).strip() for name in objectives]
    return any(cell == "" or read_word(cell) == PENDING for cell in cells)


def _take_status(cells: Mapping[str, Any], work: Work, state: Table) -> dict[str, str]:
    """Return what the column of states says of a row, if the table has one."""
    status = work.study.table.status
    if status is None:
        return {}
    words = {read_word(cell) if isinstance(cell, str) else None for cell in cells.values()}
    word = "pending" if words == {PENDING} else "failed" if words == {FAILED} else "done"
    return {state.find_header(status): word}


def _refuse_repeats(entries: Sequence[Entry]) -> None:
    """Refuse two results of one suggestion, or for one row.

    Raises:
        TableError: naming it.
    """
    for place, entry in enumerate(entries):
        for other in entries[:place]:
            same_name = entry.name and parse_name(entry.name) == parse_name(other.name)
            if same_name or (entry.line is not None and entry.line == other.line):
                raise TableError(f"{entry.label}: is given twice; {NOTHING}")


def _make_rows(entries: Sequence[Entry], work: Work, state: Table) -> pd.DataFrame:
    """Return new rows under the header of the table."""
    header = list(state.raw.frame.columns)
    if not entries:
        return pd.DataFrame(columns=header)
    designs = pd.DataFrame([entry.design for entry in entries], columns=list(state.space.names))
    rows = make_table_rows(designs, [entry.name for entry in entries], work.study).astype(object)
    for place, entry in enumerate(entries):
        for column, cell in entry.cells.items():
            rows.loc[place, column] = cell
    return rows


def _check_content(content: bytes, work: Work, state: Table, entries: Sequence[Entry]) -> tuple[list[int], list[str]]:
    """Refuse a new content of the table whose new rows cannot be used, or are read as other results.

    Args:
        content: of the table, as it would be.
        work: the study.
        state: the table as it is.
        entries: what was given.

    Returns:
        The lines of new rows, and notes on rows that are new among the table's.

    Raises:
        TableError: which says what is wrong with which.
    """
    path = state.path
    added = [int(line) for line in parse_table(content, path, work.study.table).frame.index][len(state.raw.frame) :]
    new_lines = iter(added)
    labels = {entry.line if entry.line is not None else next(new_lines): entry.label for entry in entries}
    # beside the table, since cells may name files relative to it
    with tempfile.NamedTemporaryFile(dir=path.resolve().parent, prefix=".trial-", suffix=path.suffix) as trial:
        trial.write(content)
        trial.flush()
        settings = TableSettings.take_from(work.study, path=trial.name, dataset=None)
        try:
            checked = load_table(settings)
        except TableError as error:
            faults = [fault for fault in error.faults if fault["line"] in labels]
            if not faults:
                first = str(error).splitlines()[0].replace(trial.name, str(path))
                raise TableError(f"{first}; {NOTHING}") from None
        else:
            # with `bad_rows: drop`, a result would be in the table and never used
            faults = [fault for fault in checked.dropped if fault["line"] in labels]
    if faults:
        fault = faults[0]
        where = f"{labels[fault['line']]}: {fault['column']}: found '{show_in_line(fault['found'])}'"
        raise TableError(f"{where}: {fault['reason']}; {NOTHING}", faults, str(path))
    before = set(state.checked.list_notes())
    notes = [note.replace(trial.name, str(path)) for note in checked.list_notes()]
    notes = [note for note in notes if note not in before]
    entered = checked.rows[checked.rows["line"].isin(list(labels))]
    columns = [feature for feature in work.study.features if not feature.is_category]
    notes += [f"{path}: {line}" for line in list_implausible(entered, [*columns, *work.study.objectives])]
    return added, notes
