"""Hull distances of structures without an entry in the table, by a potential."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batterymi.features.site_records import SiteRecord
from batterymi.features.structures import FULL, StructureError
from batterymi.stability.assess import Assessor, Depth
from batterymi.stability.element_references import References
from batterymi.stability.phases import StabilityError
from batterymi.stability.potential import Potential, Relaxed
from batterymi.vocabulary.elements import SYMBOLS

if TYPE_CHECKING:
    from pymatgen.core import Structure

HULL_ALONE = Depth((), edges=False)
LARGEST_STRAIN = 0.15  # of the volume; what changes more has become another structure


@dataclass(frozen=True)
class Estimate:
    """The hull distance of a structure.

    Attributes:
        formula: of the cell.
        e_form: formation energy, eV/atom.
        e_above_hull: eV/atom to the phases of the table, those of the same composition left out; negative if stable.
        e_decomposition: the same by the table's own energy of the composition; NaN without an entry.
        strain: change of the volume as it relaxed, as a share.
    """

    formula: str
    e_form: float
    e_above_hull: float
    e_decomposition: float
    strain: float


def build_structure(record: SiteRecord, largest: int) -> "Structure":
    """Return the primitive cell of sites that are all full with one element.

    Partial occupancy is refused: which of its orderings counts would be a guess, and their energies differ by more
    than the gates.

    Args:
        record: the sites.
        largest: number of sites above which the cell is refused.

    Raises:
        StructureError: with how many sites are partly occupied or shared, or the number of sites.
    """
    from pymatgen.core import Lattice, Structure

    partly = int((record.amounts.max(axis=1) < FULL).sum())
    if partly:
        raise StructureError(
            f"{partly} of {len(record)} sites are partly occupied or shared by elements; an energy needs an ordered "
            "structure"
        )
    symbols = [SYMBOLS[place] for place in record.amounts.argmax(axis=1)]
    structure = Structure(Lattice(record.cell), symbols, record.positions).get_primitive_structure()
    if len(structure) > largest:
        raise StructureError(f"{len(structure)} sites in the primitive cell; at most {largest} are computed")
    return structure


def estimate_hull_distance(
    structure: "Structure", potential: Potential, references: References, assessor: Assessor, steps: int
) -> Estimate:
    """Estimate the hull distance of a structure.

    Args:
        structure: ordered.
        potential: gives its energy.
        references: of the elements in terms of the potential.
        assessor: the phases to compare with.
        steps: of relaxation; 0 takes the structure as it is.

    Raises:
        StabilityError: if an element has no reference or no energy, or the structure does not stay what it is.
    """
    amounts = {element.symbol: float(amount) for element, amount in structure.composition.items()}
    known = assessor.assess(amounts, HULL_ALONE)
    # before the costly part, since it refuses elements
    references.find_formation_energy(amounts, 0.0)
    if steps:
        relaxed = potential.relax(structure, steps)
    else:
        relaxed = Relaxed(float(potential.compute_energies([structure])[0]), 0.0, converged=True)
    if not relaxed.converged:
        raise StabilityError(f"not relaxed after {steps} steps")
    if not np.isfinite(relaxed.energy) or abs(relaxed.strain) > LARGEST_STRAIN:
        raise StabilityError(f"its volume changes by {relaxed.strain:+.0%} as it relaxes; it is another structure then")
    e_form = references.find_formation_energy(amounts, relaxed.energy)
    return Estimate(
        structure.composition.reduced_formula,
        e_form,
        e_form - known.e_others,
        known.e_decomposition,
        relaxed.strain,
    )
