"""The columns of CIF files of a table: each path found inside the project, and each file read once."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.config.parts import Descriptor
from batterymi.config.study import Study
from batterymi.data.cells import find_empty
from batterymi.data.formula_columns import ReadCells
from batterymi.data.read_table import AS_THEY_ARE, read_table
from batterymi.data.schema import make_fault
from batterymi.errors import BatteryMIError
from batterymi.features.structures import StructureError, read_structure
from batterymi.files import compute_sha256
from batterymi.vocabulary.arguments import STRUCTURES
from batterymi.vocabulary.measured import name_digest_column


def list_structure_columns(descriptors: Sequence[Descriptor]) -> list[str]:
    """List the columns of CIF files that descriptors take."""
    found = [c for descriptor in descriptors for argument, c in descriptor.columns.items() if argument in STRUCTURES]
    return list(dict.fromkeys(found))


def read_structure_columns(rows: pd.DataFrame, columns: Sequence[str], source: str) -> ReadCells:
    """Find and check the CIF files that a table names.

    Args:
        rows: cells as text; the index holds line numbers.
        columns: those of paths, relative to the folder of the table or to the workflow's; others are passed over.
        source: the table.

    Returns:
        The rows, with paths relative to the workflow's folder, and a column of SHA-256 beside each of paths.
    """
    result = ReadCells(rows.copy(), [], [], [])
    for column in (name for name in columns if name in rows.columns):
        paths, digests = [], []
        for line, cell, is_empty in zip(rows.index, rows[column], find_empty(rows[column]), strict=True):
            path, digest = str(cell), ""
            try:
                if is_empty:
                    raise StructureError("no CIF file; every row needs one here")
                path = find_structure(path, source)
                read = read_structure(path)
                digest = compute_sha256(path)
                result.doubts.extend(make_fault(line, column, cell, note) for note in read.notes)
            except StructureError as error:
                result.faults.append(make_fault(line, column, cell, str(error)))
            paths.append(path)
            digests.append(digest)
        result.frame[column] = paths
        result.frame[name_digest_column(column)] = digests
    return result


def find_structure(cell: str, source: str) -> str:
    """Return the path of a file relative to the workflow's folder.

    Args:
        cell: the path as it stands in a table.
        source: the table, in whose folder it is looked for first.

    Raises:
        StructureError: if there is no such file, or it lies outside.
    """
    here, text = Path.cwd().resolve(), cell.strip().replace("\\", "/")
    for folder in (Path(source).parent, Path()):
        path = folder / text
        if path.is_file():
            found = path.resolve()
            if not found.is_relative_to(here) or Path(text).is_absolute():
                raise StructureError("the file lies outside the workflow's folder; copy it beside the table")
            return path.as_posix()
    raise StructureError(f"there is no such file, neither beside {source} nor in the workflow's folder")


def list_structure_files(study: Study) -> list[str]:
    """List the CIF files that the table and the pool of a study name, where these can be read."""
    columns = list_structure_columns(study.descriptors)
    found: dict[str, None] = {}
    for source in filter(None, (study.table.file, study.pool)) if columns else ():
        try:
            reading = study.table if source == study.table.file else AS_THEY_ARE
            cells = read_table(source, reading).frame.rename(columns=study.table.columns)
        except BatteryMIError:
            continue
        for cell in (cell for column in columns if column in cells for cell in cells[column]):
            try:
                found[find_structure(str(cell), source)] = None
            except StructureError:
                continue
    return list(found)
