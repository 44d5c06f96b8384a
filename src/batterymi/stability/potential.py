"""Interatomic potentials that give a crystal an energy where no table has one; none is needed for anything else.

CHGNet is an extra (`pip install 'batterymi[atomistic]'`): Deng et al. 2023, doi:10.1038/s42256-023-00716-3. Its
energies are those of the Materials Project (PBE and PBE+U, corrected), so that formation energies need references of
the elements in its own terms.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from batterymi.arrays import Array

if TYPE_CHECKING:
    from pymatgen.core import Structure

PACKAGE = "chgnet"
INSTALL = "chgnet is not installed: pip install 'batterymi[atomistic]'"
TRAINED_UNTIL = 2022  # MPtrj holds the Materials Project of September 2022
FORCE = 0.1  # eV/Å, below which a structure counts as relaxed


@dataclass(frozen=True)
class Relaxed:
    """A relaxed structure.

    Attributes:
        energy: eV/atom.
        strain: change of the volume, as a share.
        converged: whether all forces fell below `FORCE`.
    """

    energy: float
    strain: float
    converged: bool


class Potential(Protocol):
    """What estimates of hull distances need of a potential."""

    name: str
    trained_until: int

    def compute_energies(self, structures: Sequence["Structure"]) -> Array:
        """Return the energy of each structure as it is, in eV/atom, shape (n_structures,)."""
        ...

    def relax(self, structure: "Structure", steps: int) -> Relaxed:
        """Relax positions and cell in at most so many steps."""
        ...


class Chgnet:
    """CHGNet on one core of the CPU, so that results do not depend on the machine's number of cores."""

    trained_until = TRAINED_UNTIL

    def __init__(self) -> None:
        """Load the weights that come with the package."""
        # the library prints what it loads
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            importlib.import_module("torch").set_num_threads(1)
            models: Any = importlib.import_module("chgnet.model")
            self._model = models.CHGNet.load(use_device="cpu", verbose=False)
            self._optimizer = models.StructOptimizer(model=self._model, use_device="cpu")
        self.name = f"CHGNet {self._model.version} (chgnet {find_version()})"

    def compute_energies(self, structures: Sequence["Structure"]) -> Array:
        """Return the energy of each structure as it is, in eV/atom, shape (n_structures,)."""
        # one after the other, since sums over a batch depend on what else is in it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [float(self._model.predict_structure(structure, task="e")["e"]) for structure in structures]
        return np.array(found, dtype=float)

    def relax(self, structure: "Structure", steps: int) -> Relaxed:
        """Relax positions and cell in at most so many steps."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._optimizer.relax(structure.copy(), fmax=FORCE, steps=steps, verbose=False)
        path = found["trajectory"]
        force = float(np.linalg.norm(path.forces[-1], axis=1).max())
        strain = found["final_structure"].volume / structure.volume - 1
        return Relaxed(float(path.energies[-1]) / len(structure), float(strain), force <= FORCE)


def find_version() -> str:
    """Return the version of the package, an empty text if it is not installed."""
    if importlib.util.find_spec(PACKAGE) is None:
        return ""
    return importlib.metadata.version(PACKAGE)


def open_potential() -> Potential | str:
    """Return CHGNet, or why it cannot be used here."""
    if not find_version():
        return INSTALL
    try:
        return Chgnet()
    except (ImportError, OSError, RuntimeError) as error:
        return f"chgnet cannot be loaded: {' '.join(str(error).split())}"
