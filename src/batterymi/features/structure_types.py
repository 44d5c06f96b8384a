"""Structure types of crystals: a label that is the same for isopointal structures, whatever their elements.

AFLOW's prototypes in pymatgen (288) lack most hosts of batteries, and pymatgen's anonymous matcher compares pairs and
depends on tolerances of lengths. A label by composition, Pearson symbol, space group and occupied Wyckoff positions, as
AFLOW writes it (Mehl et al. 2017, doi:10.1016/j.commatsci.2017.01.017), needs a symmetry search alone. Positions are
counted by multiplicity and not by letter, since letters depend on the choice of origin.
"""

import warnings
from collections import Counter
from typing import TYPE_CHECKING

from batterymi.features.structures import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Structure

SYMMETRY = 0.1  # Å, within which relaxed positions are symmetric; the Materials Project's own tolerance
JOIN = "-"


def parse_cif(text: str, name: str) -> "Structure":
    """Parse the text of a CIF file of an ordered crystal.

    Args:
        text: of the file.
        name: of the structure, for messages.

    Raises:
        StructureError: if it is none.
    """
    from pymatgen.io.cif import CifParser

    try:
        # rounded coordinates and the like, which the parser corrects
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structures = CifParser.from_str(text).parse_structures(primitive=False, on_error="ignore")
    except Exception as error:  # the parser raises errors of many kinds
        raise StructureError(f"{name}: no CIF text of a crystal ({type(error).__name__})") from None
    if not structures:
        raise StructureError(f"{name}: no CIF text of a crystal")
    structure: Structure = structures[0]
    return structure


def label_type(structure: "Structure", name: str = "structure") -> str:
    """Return the label of a structure's type, as `ABC2_hR12_166_1-1-2` of layered LiCoO2 and NaFeO2.

    Args:
        structure: with full occupancies; the cell does not matter.
        name: of it, for messages.

    Returns:
        Anonymous formula (elements by their amounts), Pearson symbol, space group, and the multiplicities of the
        occupied Wyckoff positions in the primitive cell, one group for each element in order of the formula.

    Raises:
        StructureError: if the sites are partly occupied, or no symmetry is found.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    if not structure.is_ordered:
        raise StructureError(f"{name}: its sites are partly occupied, so that its type is not unique")
    try:
        # pymatgen and spglib warn of each other's versions
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analyzer = SpacegroupAnalyzer(structure, symprec=SYMMETRY)
            symmetric, smallest = analyzer.get_symmetrized_structure(), analyzer.get_primitive_standard_structure()
            pearson, number = analyzer.get_pearson_symbol(), analyzer.get_space_group_number()
    except Exception as error:  # spglib fails in ways of its own
        raise StructureError(f"{name}: its symmetry is not found ({type(error).__name__})") from None
    share = len(smallest) / len(structure)
    sizes: dict[str, list[int]] = {}
    for sites in symmetric.equivalent_sites:
        sizes.setdefault(sites[0].specie.symbol, []).append(round(len(sites) * share))
    groups = sorted((sorted(counts) for counts in sizes.values()), key=lambda counts: (sum(counts), counts))
    positions = JOIN.join(".".join(map(str, counts)) for counts in groups)
    return f"{structure.composition.anonymized_formula}_{pearson}_{number}_{positions}"


def count_types(labels: list[str]) -> dict[str, int]:
    """Return how often each type occurs, the most frequent first."""
    return dict(sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0])))
