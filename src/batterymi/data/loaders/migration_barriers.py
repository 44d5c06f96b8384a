"""Computed barriers of ions that hop from site to site, with their paths, and the official split.

Devi, Balasubramanian, Butler and Sai Gautam 2025, arXiv:2508.06459; Devi, Butler and Sai Gautam 2026, arXiv:2508.06436.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.data.loaders.base import read_records
from batterymi.errors import BatteryMIError, TableError, get_first_line
from batterymi.features.migration_paths import MigrationPath
from batterymi.vocabulary.elements import INDEX
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

PARTS = (("RAW-Em-5-images-TRAIN.json", TRAIN), ("RAW-Em-5-images-TEST.json", TEST))
TABLE = "TABULATION-GIT-HUB.xlsx"
N_IMAGES = 5  # of the mobile ion, which come first among the atoms
UNEVEN = 1e-3  # Å, by which steps between images may differ
KEYS = ("sys_name", "class", "target", "atoms")


class _RecordError(BatteryMIError):
    """A record that is no path."""


@dataclass
class Barriers:
    """Barriers and the paths that they belong to.

    Attributes:
        rows: a row for each usable record: line (its number, training part first), name (of the path; of a system's
            second path it ends with _2), system (without that), kind, formula (of the cell), ion, host_system,
            barrier_ev (eV), split, mace_ev (by a universal potential, eV, NaN where unknown), published_ev (predicted
            by the best published model, eV, of the test part alone).
        paths: of the rows, in their order.
        n_in: records in the files.
        dropped: one entry for each record left out: file, line (its number in the file), found, reason.
    """

    rows: pd.DataFrame
    paths: list[MigrationPath]
    n_in: int
    dropped: list[dict[str, Any]] = field(default_factory=list)


def load_barriers(folder: Path) -> Barriers:
    """Load every record with a barrier and a straight path.

    Args:
        folder: holds both parts and the table.

    Raises:
        TableError: if a file is missing or not the one expected, or no record can be used.
    """
    found = Barriers(pd.DataFrame(), [], 0)
    rows: list[dict[str, Any]] = []
    for file, split in PARTS:
        for number, record in enumerate(_read_part(folder / file), 1):
            found.n_in += 1
            try:
                path, barrier = _read_record(record)
            except _RecordError as error:
                name = record.get("sys_name") if isinstance(record, Mapping) else None
                found.dropped.append({"file": file, "line": number, "found": str(name), "reason": str(error)})
                continue
            name = str(record["sys_name"])
            about = {"line": found.n_in, "name": name, "system": re.sub(r"_\d+$", "", name), "kind": record["class"]}
            about |= {
                "formula": path.formula,
                "ion": path.ion,
                "host_system": path.host_system,
                "barrier_ev": barrier,
                SPLIT: split,
            }
            rows.append(about)
            found.paths.append(path)
    if not rows:
        raise TableError(f"{folder}: none of {found.n_in} records is a barrier with its path")
    found.rows = pd.DataFrame(rows).assign(
        mace_ev=_look_up(folder, "COMPLETE-TABUATION", "sys_name", "MACE-RELAX", rows),
        published_ev=_look_up(folder, "TEST-PREDICTIONS-BEST-MODEL", "SYS_NAME", "PREDICTION", rows),
    )
    # names of training rows are no names of test rows, but a table may hold anything
    found.rows.loc[found.rows[SPLIT] != TEST, "published_ev"] = np.nan
    return found


def _read_part(path: Path) -> Iterator[Any]:
    """Yield the records of a file.

    Raises:
        TableError: if it is missing, or no list in JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; fetch the data set again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{path}: cannot be read: {get_first_line(error)}") from None
    if not isinstance(content, list):
        raise TableError(f"{path}: expected a list of records; the file is not the one expected")
    yield from content


def _read_record(record: Any) -> tuple[MigrationPath, float]:
    """Return path and barrier of a record.

    Raises:
        _RecordError: what is wrong with it.
    """
    if not isinstance(record, Mapping) or not all(key in record for key in KEYS):
        raise _RecordError(f"not a record with {', '.join(KEYS)}")
    try:
        barrier, atoms = float(record["target"]), record["atoms"]
        cell, places = np.array(atoms["lattice_mat"], dtype=float), np.array(atoms["coords"], dtype=float)
        symbols = [str(symbol) for symbol in atoms["elements"]]
    except (TypeError, ValueError, KeyError) as error:
        raise _RecordError(f"no number, or no atoms: {get_first_line(error)}") from None
    if not 0 < barrier < np.inf:
        raise _RecordError(f"the barrier {barrier:g} eV is not above 0")
    if cell.shape != (3, 3) or places.shape != (len(symbols), 3) or len(symbols) <= N_IMAGES:
        raise _RecordError(f"{len(symbols)} elements, coordinates of shape {places.shape}, cell of shape {cell.shape}")
    if not (np.isfinite(cell).all() and np.isfinite(places).all()) or abs(np.linalg.det(cell)) < 1.0:
        raise _RecordError("coordinates that are not finite, or a cell without volume")
    if unknown := sorted({symbol for symbol in symbols if symbol not in INDEX}):
        raise _RecordError(f"'{unknown[0]}' is no element")
    if atoms.get("cartesian"):
        places = places @ np.linalg.inv(cell)
    _check_images(symbols, places @ cell)
    elements = np.array([INDEX[symbol] for symbol in symbols[N_IMAGES:]], dtype=np.intp)
    path = MigrationPath(symbols[0], cell, places[[0, N_IMAGES - 1]], places[N_IMAGES:], elements)
    if not path.host_system:
        raise _RecordError("there is no host but the mobile ion")
    return path, barrier


def _check_images(symbols: list[str], points: Array) -> None:
    """Refuse a record that does not begin with images of one ion at equal steps along a line.

    Raises:
        _RecordError: what they are instead.
    """
    if len(set(symbols[:N_IMAGES])) > 1:
        raise _RecordError(f"the first {N_IMAGES} atoms are {' '.join(symbols[:N_IMAGES])}, not images of one ion")
    steps = np.diff(points[:N_IMAGES], axis=0)
    if np.abs(steps - steps[0]).max() > UNEVEN:
        raise _RecordError(f"the steps between images differ by {np.abs(steps - steps[0]).max():.3f} Å")
    if np.linalg.norm(steps[0]) < UNEVEN:
        raise _RecordError("the ion does not move")


def _look_up(folder: Path, sheet: str, key: str, column: str, rows: list[dict[str, Any]]) -> Array:
    """Return what a sheet of the table says of each row by its name, NaN where it says nothing, shape (n_rows,)."""
    frame = read_records(folder / TABLE, {key: "name", column: "value"}, sheet=sheet).drop_duplicates("name")
    values = pd.to_numeric(frame.set_index("name")["value"], errors="coerce")
    return values.reindex([row["name"] for row in rows]).to_numpy(float)
