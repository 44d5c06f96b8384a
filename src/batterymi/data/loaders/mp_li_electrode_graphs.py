"""Neighbours of the atoms of discharged Li electrodes, with their voltages.

Derived from graphs of Scandium Labs (CC BY 4.0), made from the Materials Project (Jain et al. 2013,
doi:10.1063/1.4812323); joined to the voltages of the data set mp_electrodes by material id.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.sources import ElectrodeRows
from batterymi.data.loaders.mp_electrodes import load_rows
from batterymi.errors import DamagedFileError, TableError
from batterymi.features.bonds import BondedAtoms
from batterymi.files import check_content

GRAPHS = "li_electrode_graphs.npz"
ARRAYS = ("material_id", "n_atoms", "n_edges", "z", "edges", "distance_a")
ION = "Li"
VOLTS = (-20.0, 20.0)  # all rows


@dataclass(frozen=True)
class ElectrodeStructures:
    """Electrodes whose discharged side has a structure by its material id.

    Attributes:
        rows: as `mp_electrodes.load_rows` returns them, with `line` from 1.
        structures: of each row.
    """

    rows: pd.DataFrame
    structures: list[BondedAtoms]


def load_electrode_structures(folder: Path, electrodes: Path, graphs: str = GRAPHS) -> ElectrodeStructures:
    """Load the electrodes whose discharged formula has a structure of exactly its material id.

    Args:
        folder: holds the graphs.
        electrodes: holds the data set mp_electrodes.
        graphs: name of their file.

    Raises:
        DamagedFileError: if the file is another one.
        TableError: if there is no such electrode.
    """
    known = read_bonded_atoms(folder / graphs)
    rows = load_rows(electrodes, ElectrodeRows(name="mp_electrodes", ions=(ION,), voltage=VOLTS)).frame
    rows = rows[rows["discharged_id"].isin(list(known))].sort_values("id", kind="stable").reset_index(drop=True)
    if not len(rows):
        raise TableError(f"{folder / graphs}: no electrode of {electrodes} has a structure")
    rows.insert(0, "line", np.arange(1, len(rows) + 1))
    return ElectrodeStructures(rows, [known[name] for name in rows["discharged_id"]])


def read_bonded_atoms(path: Path) -> dict[str, BondedAtoms]:
    """Read the atoms and neighbours of every structure, by material id.

    Raises:
        DamagedFileError: if the file is not one of arrays, or these do not fit together.
    """
    check_content(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
        atoms, edges = (np.cumsum(arrays[name].astype(np.int64))[:-1] for name in ("n_atoms", "n_edges"))
        numbers = np.split(arrays["z"].astype(np.intp), atoms)
        bonds = np.split(arrays["edges"].astype(np.intp), edges)
        distances = np.split(arrays["distance_a"].astype(float), edges)
        found = {
            str(name): BondedAtoms(*parts)
            for name, *parts in zip(arrays["material_id"], numbers, bonds, distances, strict=True)
        }
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file; fetch the data set again") from None
    except Exception as error:  # whatever NumPy raises, the file is not the one expected
        raise DamagedFileError(path, f"no arrays of neighbours ({type(error).__name__})") from None
    for name, one in found.items():
        if len(one.edges) != len(one.distance) or (len(one.edges) and one.edges.max() >= len(one.numbers)):
            raise DamagedFileError(path, f"{name}: its neighbours are not among its atoms")
    return found
