"""Structures with a known formation energy, by which a potential's energies are referred to the elements."""

import warnings
from collections.abc import Callable

import pandas as pd

from batterymi.features.formulas import identify_compositions, parse_formula
from batterymi.stability.assess import Assessor
from batterymi.stability.hull_estimate import HULL_ALONE
from batterymi.stability.phases import StabilityError
from batterymi.stability.potential import Potential

COLUMNS = ("material_id", "formula", "system", "year", "energy", "e_form", "e_decomposition")
Report = Callable[[int, int], None]  # takes (done, all) after each structure


def calibrate(structures: pd.DataFrame, potential: Potential, assessor: Assessor, report: Report) -> pd.DataFrame:
    """Compute the energy of the lowest structure of each composition that the table of phases has.

    Args:
        structures: as `load_structures` returns.
        potential: gives the energies.
        assessor: the phases, whose energies the references are fitted to, so that a hull of these phases and an
            estimate are of one snapshot.
        report: is called after each structure.

    Returns:
        Columns `COLUMNS`; energy by the potential, the others by the table, eV/atom.
    """
    from pymatgen.core import Structure

    ordered = structures.sort_values(["e_form", "material_id"], ignore_index=True)
    lowest = ordered[~pd.Series(identify_compositions(ordered["formula"])).duplicated()]
    rows = []
    for done, row in enumerate(lowest.sort_values("material_id").to_dict("records"), start=1):
        amounts = parse_formula(row["formula"])
        try:
            known = assessor.assess(amounts, HULL_ALONE)
        except StabilityError:
            known = None
        if known is not None and known.e_form == known.e_form:  # NaN without an entry
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of rounded coordinates, in files that the same library wrote
                structure = Structure.from_str(row["cif"], fmt="cif")
            energy = float(potential.compute_energies([structure])[0])
            system = "-".join(sorted(amounts))
            values = (energy, known.e_form, known.e_decomposition)
            rows.append((row["material_id"], row["formula"], system, row["year"], *values))
        report(done, len(lowest))
    return pd.DataFrame(rows, columns=list(COLUMNS))
