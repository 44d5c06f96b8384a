"""Designs as rows of a user's table: under its header, in its units."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from batterymi.config.study import Study
from batterymi.data.header_units import find_conversions, match_headers
from batterymi.data.read_table import read_table
from batterymi.optimise.campaigns.matched_results import find_name_column
from batterymi.vocabulary.expected import EARLY_ONLY, MEASURE

LINE = re.compile(r"line \d+")  # what a list without ids calls its candidates


def make_table_rows(proposed: pd.DataFrame, suggestions: Sequence[str], study: Study) -> pd.DataFrame:
    """Return designs under the header of the table and in its units, with their names, to be appended to it."""
    path, declared = study.table.file or "", (*study.features, *study.objectives)
    header = list(read_table(path, study.table).frame.columns)
    names = match_headers(header, study.table.columns, declared)
    conversions = find_conversions(path, names, declared, study.table.units)
    objectives = {objective.name for objective in study.objectives}
    late = {objective.name for objective in study.objectives if objective.early is not None}
    columns: dict[str, Any] = {}
    name_column = find_name_column(header)
    for column in header:
        own = names.get(column, column)
        if column == name_column and own not in objectives | set(proposed):
            columns[column] = list(suggestions)
        elif own in (study.id_column, "id") and "candidate" in proposed and own not in proposed:
            columns[column] = ["" if LINE.fullmatch(listed) else listed for listed in proposed["candidate"]]
        elif own not in proposed or own == "why":
            # an empty cell would mean the one above
            empty = "-" if own in study.table.fill_down else ""
            is_state = own in objectives or own == study.table.status
            # the late outcome of a design that is measured early only is not under way
            waits = proposed[MEASURE].ne(EARLY_ONLY) if own in late and MEASURE in proposed else [True] * len(proposed)
            columns[column] = ["pending" if is_state and is_waiting else empty for is_waiting in waits]
        elif own in conversions:
            columns[column] = conversions[own].convert_to_file(proposed[own])
        else:
            columns[column] = proposed[own]
    frame = pd.DataFrame(columns)
    # empty where a feature does not apply to a design
    return frame.astype(object).mask(frame.isna(), other="") if frame.isna().to_numpy().any() else frame
