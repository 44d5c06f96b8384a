"""A user's file as rows under the names of a study's columns, with everything that was understood on the way."""

from collections.abc import Sequence

import pandas as pd

from batterymi.config.parts import Column, Objective
from batterymi.config.sources import Table
from batterymi.data.header_units import find_conversions, match_headers
from batterymi.data.input_files import read_content
from batterymi.data.loaded_rows import LoadedRows
from batterymi.data.measured_errors import add_error_conversions
from batterymi.data.read_table import parse_table
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.splits import SPLIT


def read_user_table(
    path: str, table: Table, columns: Sequence[Column], objectives: Sequence[Objective] = ()
) -> LoadedRows:
    """Read a user's file under the names of a study's columns.

    Args:
        path: the file.
        table: how it is read, and which header has which name.
        columns: features, objectives and their errors.
        objectives: whose errors are in their units.

    Raises:
        TableError: if it cannot be read, or lacks a header or a column that settings name.
    """
    content = read_content(path)
    raw = parse_table(content.data, path, table)
    names = match_headers(list(raw.frame.columns), table.columns, columns)
    frame = _rename_columns(raw.frame, path, names, raw.hint)
    frame, notes = _fill_down(frame, path, table.fill_down)
    # a column of the user's must not be taken for that of this package
    frame = frame.rename(columns={SPLIT: f"{SPLIT} (of the file)"})
    return LoadedRows(
        frame,
        len(frame),
        add_error_conversions(find_conversions(path, names, columns, table.units), names, objectives),
        {path: content.sha256},
        raw.decimal,
        raw.left_out,
        raw.suspects,
        [*raw.notes, *notes],
        raw.hint,
    )


def _rename_columns(frame: pd.DataFrame, source: str, names: dict[str, str], hint: str) -> pd.DataFrame:
    """Return the table under the names that its study gives to headers."""
    for header in names:
        if header not in frame.columns:
            advice = hint or did_you_mean(header, frame.columns)
            raise TableError(f"{source}: table.columns: the header lacks '{header}'; {advice}")
    renamed = frame.rename(columns=names)
    twice = renamed.columns[renamed.columns.duplicated()]
    if len(twice):
        raise TableError(f"{source}: table.columns: two columns are called '{twice[0]}'")
    return renamed


def _fill_down(frame: pd.DataFrame, source: str, names: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a table whose empty cells have the value above, in the columns that settings list, and what was filled.

    Raises:
        TableError: if there is no such column, or nothing above its first cell.
    """
    filled, notes = frame.copy(), []
    for name in names:
        if name not in frame:
            raise TableError(
                f"{source}: table.fill_down: '{name}' is not a column; {did_you_mean(name, frame.columns)}"
            )
        cells = frame[name].astype(object).where(frame[name].astype(str) != "")
        if len(cells) and pd.isna(cells.iloc[0]):
            raise TableError(
                f"{source}: line {cells.index[0]}: {name}: is empty, and there is nothing above it to fill in"
            )
        filled[name] = cells.ffill()
        count = int(cells.isna().sum())
        if count:
            notes.append(f"{name}: {count} empty cells filled in from above, as table.fill_down says")
    return filled, notes
