"""Lists of designs to choose from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature
from batterymi.data.cells import parse_numbers
from batterymi.data.conditional import find_applicable
from batterymi.data.header_units import find_conversions, match_headers
from batterymi.data.input_files import read_content, refuse_changes
from batterymi.data.read_table import parse_table
from batterymi.data.table import list_faults
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line

MAX_LISTED = 10


def read_designs(
    path: Path, features: Sequence[Feature], digests: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """Read a list of designs.

    Args:
        path: a CSV file with a column per feature; other columns are ignored.
        features: what a campaign chooses.
        digests: of files when the run began; this one must be the same still.

    Returns:
        One row per design.

    Raises:
        TableError: for a missing column, or cells that are not a number or not a choice, each with its line.
    """
    content = read_content(path, "campaign.pool")
    refuse_changes({str(path): content.sha256}, digests)
    raw = parse_table(content.data, path)
    cells = raw.frame
    names = match_headers(list(cells.columns), {}, features)
    conversions = find_conversions(str(path), names, features)
    cells = cells.rename(columns=names)
    missing = [feature.name for feature in features if feature.name not in cells.columns]
    if missing:
        hints = "; ".join(f"'{name}' ({did_you_mean(name, cells.columns)})" for name in missing)
        raise TableError(f"{path}: the header lacks {hints}")
    frame, faults = {}, []
    applicable = find_applicable(cells, features)
    faults += list_faults(str(path), applicable.faults)
    known = pd.DataFrame(applicable.faults, columns=["line", "column"])
    for feature in features:
        column = applicable.rows[feature.name]
        needed = applicable.needs(feature.name, pd.Series(True, index=column.index))
        needed &= ~column.index.isin(known.loc[known["column"] == feature.name, "line"])
        if feature.choices:
            bad = ~column.isin(feature.choices) & needed
            said = f"not a choice; choices: {', '.join(feature.choices)}"
            frame[feature.name] = column
        else:
            conversion = conversions.get(feature.name)
            read = parse_numbers(column, conversion.found if conversion else feature.unit, raw.decimal)
            numbers = pd.Series(read.values, column.index)
            frame[feature.name] = conversion.convert_to_study(numbers) if conversion else numbers
            bad, said = ~np.isfinite(frame[feature.name]) & needed, "not a number"
            if feature.is_logarithmic:
                bad |= frame[feature.name] <= 0
                said = "not a number above 0"
        faults += [
            f"{path}: line {line}: {feature.name}: found '{show_in_line(str(column[line]))}': {said}"
            for line in cells.index[bad]
        ]
    if faults:
        more = [f"... and {len(faults) - MAX_LISTED} more"] if len(faults) > MAX_LISTED else []
        raise TableError("\n".join([*faults[:MAX_LISTED], *more]))
    # a design that is listed twice is one choice
    return pd.DataFrame(frame).drop_duplicates(ignore_index=True)
