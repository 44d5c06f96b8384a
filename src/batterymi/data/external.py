"""Rows of another data set, to test a study's models on: those that are unlike all of the study's own."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from batterymi import registry
from batterymi.config.external import ExternalTest
from batterymi.data.loaders.base import Rows
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean


@dataclass(frozen=True)
class ExternalRows:
    """Rows of another data set.

    Attributes:
        rows: those that can be tested on.
        n_in: records of the data set.
        n_dropped: of them, those that its loader left out.
        alike: rows that agree with one of the study's in a column, and are left out for it, by column; a row that
            agrees in several counts for the first.
    """

    rows: pd.DataFrame
    n_in: int
    n_dropped: int
    alike: dict[str, int]


def find_external_rows(folder: Path, settings: ExternalTest, own: pd.DataFrame, needed: list[str]) -> ExternalRows:
    """Load the rows of another data set, without those that are like the study's own.

    Args:
        folder: holds the data set's files.
        settings: of the data set, and what makes rows alike.
        own: the study's rows, of any part.
        needed: columns that the model and its scores need.

    Raises:
        TableError: if a column is missing on either side, or no row is left.
    """
    loaded: Rows = registry.look_up("loader", settings.dataset.name)(folder, settings.dataset)
    rows, alike = loaded.frame, {}
    for name in (*needed, *settings.unlike, *([settings.group] if settings.group else [])):
        if name not in rows:
            known = [str(column) for column in rows]
            raise TableError(
                f"external_test: '{name}' is not a column of {settings.dataset.name}; {did_you_mean(name, known)}"
            )
    for name in settings.unlike:
        if name not in own:
            raise TableError(
                f"external_test.unlike: '{name}' is not a column of the table; {did_you_mean(name, map(str, own))}"
            )
        is_known = rows[name].isin(set(own[name]))
        alike[name] = int(is_known.sum())
        rows = rows[~is_known]
    if rows.empty:
        raise TableError(f"external_test: every row of {settings.dataset.name} is like one of the study's")
    return ExternalRows(rows, loaded.n_in, loaded.n_in - len(loaded.frame), alike)
