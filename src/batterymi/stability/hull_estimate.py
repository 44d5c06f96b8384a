"""Hull distances of structures without an entry in the table, by a potential."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.run import HullEstimates
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
ESTIMATED = (
    *("name", "written", "formula", "e_form_chgnet", "e_above_hull_chgnet", "e_decomposition", "strain", "problem"),
)
Report = Callable[[int, int], None]  # takes (done, all) after each structure
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


@dataclass(frozen=True)
class Estimator:
    """What a hull distance is estimated with.

    Attributes:
        potential: gives the energy of a structure.
        references: of the elements in its terms.
        assessor: the phases to compare with.
        settings: largest cell, and steps of relaxation.
    """

    potential: Potential
    references: References
    assessor: Assessor
    settings: HullEstimates

    def estimate(self, record: SiteRecord) -> Estimate:
        """Estimate the hull distance of a crystal.

        Raises:
            StructureError: if its sites are not ordered, or too many.
            StabilityError: if an element has no reference or no energy, or the structure does not stay what it is.
        """
        structure = build_structure(record, self.settings.largest_cell)
        amounts = {element.symbol: float(amount) for element, amount in structure.composition.items()}
        known = self.assessor.assess(amounts, HULL_ALONE)
        # before the costly part, since it refuses elements
        self.references.find_formation_energy(amounts, 0.0)
        relaxed = self._relax(structure)
        e_form = self.references.find_formation_energy(amounts, relaxed.energy)
        formula = structure.composition.reduced_formula
        return Estimate(formula, e_form, e_form - known.e_others, known.e_decomposition, relaxed.strain)

    def _relax(self, structure: "Structure") -> Relaxed:
        """Return the structure's energy after relaxation.

        Raises:
            StabilityError: if it does not relax, or becomes another structure.
        """
        steps = self.settings.relaxation_steps
        if not steps:
            return Relaxed(float(self.potential.compute_energies([structure])[0]), 0.0, converged=True)
        relaxed = self.potential.relax(structure, steps)
        if not relaxed.converged:
            raise StabilityError(f"not relaxed after {steps} steps")
        if not np.isfinite(relaxed.energy) or abs(relaxed.strain) > LARGEST_STRAIN:
            raise StabilityError(
                f"its volume changes by {relaxed.strain:+.0%} as it relaxes; that is another structure"
            )
        return relaxed


def estimate_records(
    records: Sequence[tuple[str, str, SiteRecord | str]], estimator: Estimator, report: Report
) -> pd.DataFrame:
    """Estimate the hull distances of many crystals.

    Args:
        records: name, formula as written, and the sites or what is wrong with the file.
        estimator: with what.
        report: is called after each.

    Returns:
        Columns `ESTIMATED`, a row for each crystal; numbers are NaN where `problem` says why.
    """
    rows = []
    for done, (name, written, record) in enumerate(records, start=1):
        row: dict[str, float | str] = {"name": name, "written": written, "formula": "", "problem": ""}
        try:
            if isinstance(record, str):
                raise StructureError(record)
            found = estimator.estimate(record)
            row |= {"formula": found.formula, "e_form_chgnet": found.e_form, "strain": found.strain}
            row |= {"e_above_hull_chgnet": found.e_above_hull, "e_decomposition": found.e_decomposition}
        except (StabilityError, StructureError) as error:
            row["problem"] = str(error)
        rows.append(row)
        report(done, len(records))
    return pd.DataFrame(rows, columns=list(ESTIMATED))


def summarise_estimates(rows: pd.DataFrame) -> dict[str, Any]:
    """Count estimates, and compare those of compositions that the table has.

    Args:
        rows: columns `ESTIMATED`.

    Returns:
        Counts; and of compositions with an entry the mean absolute difference of both hull distances, in eV/atom. These
        are structures as measured and then relaxed, and not those that the potential was trained on.
    """
    done = rows[rows["problem"] == ""]
    difference = (done["e_above_hull_chgnet"] - done["e_decomposition"]).dropna()
    return {
        "structures": len(rows),
        "estimated": len(done),
        "without_entry": int(done["e_decomposition"].isna().sum()),
        "with_entry": {
            "n": len(difference),
            "mae": float(difference.abs().mean()),
            "median": float(difference.abs().median()),
            "bias": float(difference.mean()),
        },
    }
