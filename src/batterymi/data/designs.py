"""Lists of designs to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.config.descriptors import list_described_columns
from batterymi.config.parts import Descriptor, Feature
from batterymi.config.slices.campaign import DesignSettings
from batterymi.data.cells import find_empty
from batterymi.data.conditional import find_applicable
from batterymi.data.formula_columns import read_formula_columns
from batterymi.data.header_units import Conversion, find_conversions, match_headers
from batterymi.data.input_files import read_content, refuse_changes
from batterymi.data.numbers import parse_numbers
from batterymi.data.read_table import RawTable, parse_table
from batterymi.data.row_checks import find_unfit_rows
from batterymi.data.schema import list_faults
from batterymi.data.structure_columns import list_structure_columns, read_structure_columns
from batterymi.errors import TableError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.measured import CANDIDATE, find_compound_column

MAX_LISTED = 10


def read_pool(
    path: Path,
    settings: DesignSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
    id_column: str | None = None,
) -> pd.DataFrame:
    """Read the list of designs that a campaign chooses from, with the columns that descriptors take.

    Args:
        path: a CSV file.
        settings: features and descriptors.
        digests: of files when the run began; this one must be the same still.
        id_column: column that names the rows of the study's table.

    Returns:
        One row per design, with what the list calls it.

    Raises:
        TableError: for a missing column, and cells that cannot be read, each with its line.
    """
    names = {feature.name for feature in settings.designable}
    taken = list_described_columns(settings.primary_descriptors)
    texts = {name: is_formula for name, is_formula in taken.items() if name not in names}
    return read_designs(path, settings.designable, digests, texts, id_column, settings.primary_descriptors)


def read_designs(
    path: Path,
    features: Sequence[Feature],
    digests: Mapping[str, str] = MappingProxyType({}),
    texts: Mapping[str, bool] = MappingProxyType({}),
    id_column: str | None = None,
    descriptors: Sequence[Descriptor] = (),
) -> pd.DataFrame:
    """Read a list of designs.

    Args:
        path: a CSV file with a column per feature; other columns are ignored.
        features: what a campaign chooses.
        digests: of files when the run began; this one must be the same still.
        texts: columns of text, each with whether it holds formulas.
        id_column: column that names the rows of the study's table; where the list has it, or `id`, it names designs.
        descriptors: that take the texts: which are paths of CIF files, and which rows they have nothing for.

    Returns:
        One row per design, with texts, and the column `CANDIDATE`.

    Raises:
        TableError: for a missing column, or cells that are not a number or not a choice, each with its line.
    """
    designs, is_repeated = _read_all_designs(path, features, digests, texts, id_column, descriptors)
    # a design that is listed twice is one choice, and formulas of one composition are one design
    return designs[~is_repeated].reset_index(drop=True)


def read_listed_rows(path: Path, settings: DesignSettings) -> tuple[pd.DataFrame, Mask]:
    """Read every row of a list of designs, by its line of the file; and which repeat the design of one before.

    Args:
        path: a CSV file.
        settings: features and descriptors.

    Raises:
        TableError: as `read_pool`.
    """
    names = {feature.name for feature in settings.designable}
    taken = list_described_columns(settings.primary_descriptors)
    texts = {name: is_formula for name, is_formula in taken.items() if name not in names}
    return _read_all_designs(path, settings.designable, {}, texts, None, settings.primary_descriptors)


def _read_all_designs(
    path: Path,
    features: Sequence[Feature],
    digests: Mapping[str, str],
    texts: Mapping[str, bool],
    id_column: str | None,
    descriptors: Sequence[Descriptor],
) -> tuple[pd.DataFrame, Mask]:
    """Read all rows of a list of designs, by line; and which repeat the design of one before; see `read_designs`."""
    raw, conversions = _read_cells(path, features, digests)
    cells = raw.frame
    missing = [name for name in (*(f.name for f in features), *texts) if name not in cells.columns]
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
            parsed = parse_numbers(column, conversion.found if conversion else feature.unit, raw.decimal)
            numbers = pd.Series(parsed.values, column.index)
            frame[feature.name] = conversion.convert_to_study(numbers) if conversion else numbers
            is_limit = pd.Series(parsed.sides != 0, column.index)
            bad, said = (~np.isfinite(frame[feature.name]) & needed) | is_limit, "not a number"
            if feature.is_logarithmic:
                bad |= frame[feature.name] <= 0
                said = "not a number above 0"
        faults += [
            f"{path}: line {line}: {feature.name}: found '{show_in_line(str(column[line]))}': {said}"
            for line in cells.index[bad]
        ]
    read = read_formula_columns(cells, [name for name, is_formula in texts.items() if is_formula])
    paths = [name for name in list_structure_columns(descriptors) if name in texts]
    files = read_structure_columns(read.frame, paths, str(path))
    read = replace(read, frame=files.frame)
    unread = [*read.faults, *files.faults]
    unfit = find_unfit_rows(read.frame, descriptors, {fault["line"] for fault in unread})
    faults += list_faults(str(path), [*unread, *unfit])
    for name, is_formula in texts.items():
        frame[name] = read.frame[name]
        if not is_formula:
            empty = find_empty(cells[name])
            faults += [
                f"{path}: line {line}: {name}: no value; every candidate needs one" for line in cells.index[empty]
            ]
    if faults:
        more = [f"... and {len(faults) - MAX_LISTED} more"] if len(faults) > MAX_LISTED else []
        raise TableError("\n".join([*faults[:MAX_LISTED], *more]))
    designs = pd.DataFrame(frame)
    same = designs.assign(**{name: read.frame[find_compound_column(read.frame.columns, name)] for name in texts})
    designs[CANDIDATE] = _name_candidates(cells, id_column)
    return designs, same.duplicated().to_numpy()


def list_pool_formulas(path: Path, settings: DesignSettings) -> list[dict[str, Any]]:
    """Return how formulas of a list of designs are understood, an entry for each that is no plain one."""
    cells = _read_cells(path, settings.designable, {})[0].frame
    taken = list_described_columns(settings.primary_descriptors)
    return read_formula_columns(cells, [name for name, is_formula in taken.items() if is_formula]).understood


def _read_cells(
    path: Path, features: Sequence[Feature], digests: Mapping[str, str]
) -> tuple[RawTable, dict[str, Conversion]]:
    """Read the cells of a list of designs under the names of columns, and what is in another unit."""
    content = read_content(path, "campaign.pool")
    refuse_changes({str(path): content.sha256}, digests)
    raw = parse_table(content.data, path)
    names = match_headers(list(raw.frame.columns), {}, features)
    return replace(raw, frame=raw.frame.rename(columns=names)), find_conversions(str(path), names, features)


def _name_candidates(cells: pd.DataFrame, id_column: str | None) -> list[str]:
    """Return what a list calls its designs: by its column of ids, else by the line of the file."""
    column = next((name for name in (id_column, "id") if name in cells.columns), None)
    lines = [f"line {line}" for line in cells.index]
    if column is None:
        return lines
    return [str(name) or line for name, line in zip(cells[column], lines, strict=True)]
