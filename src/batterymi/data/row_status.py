"""What state a row of a table is in: measured, under way, failed or withdrawn, and why a result is missing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from batterymi.config.parts import Objective
from batterymi.config.sources import Table
from batterymi.data.cells import find_empty
from batterymi.data.schema import make_fault
from batterymi.vocabulary.measured import UNMEASURED
from batterymi.vocabulary.splits import FAILED, PENDING, TRAIN, WITHDRAWN

# what each word of a column of states means; the words of the first two count in the cell of an objective too
WORDS = {
    PENDING: ("pending", "planned", "running", "ongoing", "queued", "waiting", "in progress", "under way", "underway"),
    FAILED: ("failed", "fail", "failure", "broken", "cracked", "shorted", "leaked", "aborted", "error"),
    TRAIN: ("done", "ok", "measured", "finished", "complete", "completed", "success", "good", "valid"),
    WITHDRAWN: ("withdrawn", "excluded", "retracted", "discarded", "rejected", "invalid"),
}
MEANINGS = {word: state for state, words in WORDS.items() for word in words}
NEGATIONS = {"not", "no", "non", "never", "without"}
MOST_WORDS = 3  # of a text that says that an experiment is under way
NO = ("no", "n", "false", "0", "0.0")  # what keeps a row in a column that marks withdrawn ones
EXPECTED = "; ".join(
    f"{', '.join(WORDS[state][:4])} ({meaning})"
    for state, meaning in {
        PENDING: "under way",
        FAILED: "no result",
        TRAIN: "measured",
        WITHDRAWN: "kept, but not learned from",
    }.items()
)


@dataclass(frozen=True)
class RowStates:
    """The state of each row of a table, and of each result.

    Attributes:
        splits: what part each row plays.
        missing: by objective, why a row that is learned from has no result of it; empty where it has one.
        results: cells of the objectives without words, and without results that are not used.
        faults: entries on words that mean nothing here.
        unused: entries on results and rows that are there and not used.
        remarks: sentences on what was taken for what.
    """

    splits: pd.Series
    missing: Mapping[str, pd.Series]
    results: pd.DataFrame
    faults: list[dict[str, Any]] = field(default_factory=list)
    unused: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def find_states(rows: pd.DataFrame, table: Table, objectives: Sequence[Objective]) -> RowStates:
    """Find the state of each row, from its column of states, its mark of withdrawal, and its cells of objectives.

    Each objective keeps what was measured of it: a row is learned from where one of them has a result, and others may
    still be under way, have failed, or never be measured. What a column of states says of a row counts before its
    cells, but for results of rows under way, which are early ones. An empty cell of an objective that has an early
    measurement is under way only where the column of states says so.

    Args:
        rows: cells as read; the index holds line numbers.
        table: settings of the table.
        objectives: of the study.
    """
    names = [objective.name for objective in objectives]
    cells = pd.DataFrame({name: _find_cell_states(rows[name]) for name in names}, index=rows.index)
    stated, faults = _read_status(rows, table)
    is_withdrawn = stated.eq(WITHDRAWN) | _find_marks(rows, table)
    has_value = cells == TRAIN
    any_value = has_value.any(axis=1)
    # of a row without any result, the first objective with a word decides
    waits = stated.eq(PENDING) | (stated.ne(TRAIN) if table.empty == PENDING else False)
    splits = waits.map({True: PENDING, False: TRAIN}).astype(object)
    for name in reversed(names):
        splits = splits.where(~cells[name].isin([PENDING, FAILED]), cells[name])
    for is_so, split in ((stated.eq(PENDING), PENDING), (any_value, TRAIN), (stated.eq(FAILED), FAILED)):
        splits = splits.where(~is_so, split)
    splits = splits.where(~is_withdrawn, WITHDRAWN)
    learning = splits.eq(TRAIN)
    # a late result that is not there is often never measured, since the early one says that it need not be
    is_under_way = {o.name: stated.eq(PENDING) if o.early is not None else waits for o in objectives}
    of_empty = {name: under_way.map({True: PENDING, False: UNMEASURED}) for name, under_way in is_under_way.items()}
    missing = {
        name: cells[name].where(cells[name].ne(""), of_empty[name]).where(learning & ~has_value[name], "")
        for name in names
    }
    # a row without any result and without a word is reported once, by its first objective
    bare = learning & ~any_value
    missing[names[0]] = missing[names[0]].where(~bare, "")
    lost = has_value[splits.eq(FAILED)]
    unused = [
        make_fault(line, name, rows.loc[line, name], f"not used, since {table.status} says that the row failed")
        for name in names
        for line in lost.index[lost[name]]
    ]
    unused += _list_withdrawn(rows, table, is_withdrawn)
    used = has_value & learning.to_numpy()[:, None]
    kept = rows[names].astype(object).where(used, "")
    remarks = [*_describe_texts(rows, cells, names), *_describe_finished(stated, cells, table)]
    return RowStates(splits, missing, kept, faults, unused, remarks)


def read_word(text: str) -> str | None:
    """Return what a word or a short text says of a row: a split, or None where it says nothing that is known."""
    plain = " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())
    if plain in MEANINGS:
        return MEANINGS[plain]
    parts = set(plain.split())
    if parts & NEGATIONS:
        return None
    # as in "pellet cracked", but not in "not broken"
    if parts & set(WORDS[FAILED]):
        return FAILED
    # as in "still running"; with a number it may be a limit
    return PENDING if parts & set(WORDS[PENDING]) and len(parts) <= MOST_WORDS and not re.search(r"\d", text) else None


def _find_cell_states(cells: pd.Series) -> pd.Series:
    """Return the state of each cell of an objective: a split, "" where it is empty."""
    states = pd.Series(TRAIN, index=cells.index, dtype=object)
    others = cells[pd.to_numeric(cells, errors="coerce").isna()].astype(str)
    empty = find_empty(others)
    states[others.index[empty]] = ""
    texts = others[~empty]
    meanings = {text: read_word(text) for text in texts.unique()}
    words = texts.map(meanings)
    # what is neither a number nor such a word is read, or refused, as a number
    states[texts.index] = words.where(words.isin([PENDING, FAILED]), TRAIN)
    return states


def _read_status(rows: pd.DataFrame, table: Table) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Return what the column of states says of each row, "" where it says nothing; and words that are not known."""
    if table.status is None:
        return pd.Series("", index=rows.index, dtype=object), []
    texts = rows[table.status].astype(str)
    empty = find_empty(texts)
    words = {text: read_word(text) for text in texts[~empty].unique()}
    stated = texts.map(words).where(~empty, "")
    faults = [
        make_fault(line, table.status, texts[line], f"not a known state; known are {EXPECTED}; or leave it empty")
        for line in stated.index[stated.isna()]
    ]
    return stated.fillna(""), faults


def _find_marks(rows: pd.DataFrame, table: Table) -> pd.Series:
    """Return which rows are marked as withdrawn in a column of their own."""
    if table.withdrawn is None:
        return pd.Series(False, index=rows.index)
    texts = rows[table.withdrawn].astype(str).str.strip()
    return ~(find_empty(texts) | texts.str.lower().isin(NO))


def _list_withdrawn(rows: pd.DataFrame, table: Table, is_withdrawn: pd.Series) -> list[dict[str, Any]]:
    """List the rows that were withdrawn, with what marks each."""
    marks = _find_marks(rows, table)
    columns = {line: table.withdrawn if marks[line] else table.status for line in rows.index[is_withdrawn]}
    return [
        make_fault(line, str(column), rows.loc[line, column], "withdrawn; the row is kept, and not learned from")
        for line, column in columns.items()
    ]


def _describe_texts(rows: pd.DataFrame, cells: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Say which texts, beyond plain words, were taken for a failed experiment."""
    found = []
    for name in names:
        texts = rows.loc[cells[name].eq(FAILED), name].astype(str)
        plain = texts.str.lower().str.strip().isin(["failed", "fail"])
        found += [f"line {line}: {name}: '{text}' is taken as failed" for line, text in texts[~plain].items()]
    return found


def _describe_finished(stated: pd.Series, cells: pd.DataFrame, table: Table) -> list[str]:
    """Say which rows are under way by their state and have every result; these are used."""
    lines = stated.index[stated.eq(PENDING) & (cells == TRAIN).all(axis=1)]
    return [f"line {line}: {table.status}: says pending, but every result is there; they are used" for line in lines]
