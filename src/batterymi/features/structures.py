"""Descriptors of crystal structures in CIF files, partly occupied sites included.

Structures are as the files hold them: a site that is occupied by 0.6 counts 0.6, and sites too close to be occupied at
once are taken as alternatives, not as neighbours.
"""

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.errors import BatteryMIError
from batterymi.features.charge_balance import ANIONS
from batterymi.features.composition import compute_element_fractions, list_fraction_labels
from batterymi.features.formulas import parse_formulas
from batterymi.files import compute_sha256

if TYPE_CHECKING:
    from pymatgen.core import Structure

IONS = ("Li", "Na", "K", "Ag", "Mg", "Ca", "Zn")  # that may move, in the order in which they are looked for
RADIUS = 8.0  # Å; neighbours farther away are not looked for, and distances are at most that
SHELL = 1.25  # times the distance of the nearest anion: those within are coordinated (as in Brunner's gap, simplified)
ALTERNATIVE = 1.6  # Å; no two ions are so near at once
OVERLAP = 0.25  # Å between sites that are one, split by rounding of their coordinates
NEAR = 1.0  # Å between sites that should not both be occupied
FULL = 1.0 - 1e-3
ROUNDING_OF_OCCUPANCY = 1.05  # sums up to here are rounded ones, and scaled to 1
TOLERANCES = ((1e-4, 1e-4), (1e-3, 1e-2))  # of fractions and of sites; the second for coordinates such as 0.333
CELL = tuple(
    f"_cell_{name}" for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)
SYMMETRY = ("equiv_pos_as_xyz", "operation_xyz", "name_h-m", "name_hall", "int_tables_number", "it_number")
UNKNOWN = ("?", ".")  # of CIF


class StructureError(BatteryMIError):
    """A file that is no usable crystal structure."""


@dataclass(frozen=True)
class ReadStructure:
    """A structure and what was changed to read it.

    Attributes:
        structure: pymatgen's.
        notes: in words.
    """

    structure: "Structure"
    notes: tuple[str, ...]


def read_structure(path: str | Path) -> ReadStructure:
    """Read the structure of a CIF file, once for each content.

    Args:
        path: the file.

    Raises:
        StructureError: what is wrong with it.
    """
    file = Path(path)
    if not file.is_file():
        raise StructureError("there is no such file")
    if not file.stat().st_size:
        raise StructureError("the file is empty")
    return _read_cached(str(file), compute_sha256(file))


def compute_structure_descriptors(*, structure: pd.Series) -> pd.DataFrame:
    """Compute composition, room and surroundings of the mobile ion from CIF files, partial occupancy respected.

    Density, volume per atom, packing fraction, lattice; sites and how many are partly occupied; of the mobile ion
    (lithium, else sodium and others) its sites, occupancy, shortest and mean distance to the next, coordination by
    anions; and the atomic fraction of each element.

    Args:
        structure: paths of CIF files.

    Returns:
        One column per quantity, named with its unit.
    """
    known: dict[str, dict[str, float]] = {}
    for path in structure.unique():
        try:
            known[path] = describe_structure(read_structure(path).structure)
        except StructureError as error:
            raise StructureError(f"{path}: {error}") from None
    return pd.DataFrame([known[path] for path in structure], index=structure.index)


def describe_structure(structure: "Structure") -> dict[str, float]:
    """Compute the descriptors of one structure, by name."""
    occupancy = np.array([site.species.num_atoms for site in structure])
    atoms = float(occupancy.sum())
    lattice = structure.lattice
    lengths, angles = lattice.abc, lattice.angles
    radii = sum(
        4 / 3 * np.pi * amount * float(element.atomic_radius or 0.0) ** 3
        for element, amount in structure.composition.element_composition.items()
    )
    partial = occupancy < FULL
    mixed = np.array([len(site.species.elements) > 1 for site in structure])
    found = {
        "density (g/cm3)": float(structure.density),
        "volume per atom (Å3)": structure.volume / atoms,
        "packing fraction": float(radii) / structure.volume,
        **{f"lattice {name} (Å)": float(value) for name, value in zip("abc", lengths, strict=True)},
        **{f"lattice {name} (°)": float(value) for name, value in zip(("alpha", "beta", "gamma"), angles, strict=True)},
        "atoms per cell": atoms,
        "share of sites partly occupied": float(partial.mean()),
        "share of sites shared by elements": float(mixed.mean()),
        **_describe_ion(structure),
    }
    formula = "".join(
        f"{element.symbol}{amount:.10f}" for element, amount in structure.composition.element_composition.items()
    )
    fractions = compute_element_fractions(parse_formulas([formula]))[0]
    return {**found, **dict(zip(list_fraction_labels(), fractions.tolist(), strict=True))}


def _describe_ion(structure: "Structure") -> dict[str, float]:
    """Compute what surrounds the mobile ion; 0 sites and the largest distance where there is none."""
    weights = {symbol: _weigh_sites(structure, (symbol,)) for symbol in IONS}
    ion = next((symbol for symbol in IONS if weights[symbol].any()), IONS[0])
    weight, anions = weights[ion], _weigh_sites(structure, tuple(ANIONS))
    sites, total = np.flatnonzero(weight), float(weight.sum())
    found = {
        "ion sites per cell": float(len(sites)),
        "ions per atom": total / float(sum(site.species.num_atoms for site in structure)),
        "mean occupancy of ion sites": total / len(sites) if len(sites) else 0.0,
        "ions per volume (1/nm3)": 1000 * total / structure.volume,
        "shortest distance between ions (Å)": RADIUS,
        "mean distance to the nearest ion (Å)": RADIUS,
        "coordination of the ion by anions": 0.0,
        "mean distance to coordinated anions (Å)": RADIUS,
    }
    if not len(sites):
        return found
    centre, neighbour, _, distance = structure.get_neighbor_list(RADIUS)
    of_ions = np.isin(centre, sites)
    centre, neighbour, distance = centre[of_ions], neighbour[of_ions], distance[of_ions]
    to_ion = (weight[neighbour] > 0) & ~((distance < ALTERNATIVE) & (weight[centre] + weight[neighbour] <= 1 + 1e-3))
    nearest = _find_nearest(centre, distance, to_ion, sites)
    # a site that is half occupied counts half
    mean_nearest = np.average(nearest, weights=weight[sites])
    to_anion = (anions[neighbour] > 0) & (distance > NEAR)
    first = dict(zip(sites.tolist(), _find_nearest(centre, distance, to_anion, sites).tolist(), strict=True))
    limit = SHELL * np.array([first[int(i)] for i in centre])
    inside = to_anion & (distance <= limit)
    share = weight[centre] * anions[neighbour] * inside
    found |= {
        "shortest distance between ions (Å)": float(nearest.min()),
        "mean distance to the nearest ion (Å)": float(mean_nearest),
        "coordination of the ion by anions": float(share.sum()) / total,
    }
    if share.sum() > 0:
        found["mean distance to coordinated anions (Å)"] = float((share * distance).sum() / share.sum())
    return found


def _weigh_sites(structure: "Structure", symbols: tuple[str, ...]) -> Array:
    """Return how much of some elements each site holds, shape (n_sites,)."""
    return np.array(
        [
            sum(float(amount) for species, amount in site.species.items() if _get_symbol(species) in symbols)
            for site in structure
        ]
    )


def _get_symbol(species: Any) -> str:
    """Return the symbol of an element, with or without an oxidation state."""
    return str(getattr(species, "symbol", species))


def _find_nearest(centre: Indices, distance: Array, counts: Mask, sites: Indices) -> Array:
    """Return the distance of each site to the nearest neighbour that counts, at most the search radius."""
    nearest = {int(site): RADIUS for site in sites}
    for place, gap in zip(centre[counts].tolist(), distance[counts].tolist(), strict=True):
        nearest[place] = min(nearest[place], gap)
    return np.array([nearest[int(site)] for site in sites])


@lru_cache(maxsize=5000)
def _read_cached(path: str, digest: str) -> ReadStructure:
    """Read a structure; the digest stands for the content."""
    problem: StructureError | None = None
    for fractions, sites in TOLERANCES:
        try:
            return _parse_structure(path, fractions, sites)
        except StructureError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _parse_structure(path: str, fraction_tolerance: float, site_tolerance: float) -> ReadStructure:
    """Parse a CIF file with tolerances for rounded coordinates.

    Raises:
        StructureError: in words.
    """
    from pymatgen.io.cif import CifParser

    parser: Any = None
    with warnings.catch_warnings():
        # pymatgen warns through this module and keeps its warnings too
        warnings.simplefilter("ignore")
        try:
            parser = CifParser(
                path,
                occupancy_tolerance=ROUNDING_OF_OCCUPANCY,
                frac_tolerance=fraction_tolerance,
                site_tolerance=site_tolerance,
                check_cif=False,
            )
            notes = _check_block(parser)
            # journals put what is said of the article into a block without atoms
            parser._cif.data = {
                name: block for name, block in parser._cif.data.items() if "_atom_site_fract_x" in block.data
            }
            structures = parser.parse_structures(primitive=False, on_error="raise")
            _check_symmetry(parser)
        except StructureError:
            raise
        except Exception as error:  # whatever the library raises, the file is no structure
            raise StructureError(_describe_problem(path, error, parser)) from None
    structure = structures[0]
    _check_elements(structure)
    notes += [_describe_note(text) for text in parser.warnings]
    if len(structures) > 1:
        notes.append(f"the first of {len(structures)} structures")
    notes.append(_check_distances(structure))
    if fraction_tolerance > TOLERANCES[0][0]:
        notes = [note for note in notes if "0.3333" not in note]
        notes.append("coordinates rounded to special positions, as 0.333 to 1/3")
    return ReadStructure(structure, tuple(dict.fromkeys(filter(None, notes))))


def _check_block(parser: Any) -> list[str]:
    """Refuse a file that lacks the cell, the symmetry or coordinates, which a library would fill in.

    Returns:
        Notes.

    Raises:
        StructureError: with what is missing.
    """
    blocks = [block.data for block in parser._cif.data.values() if "_atom_site_fract_x" in block.data]
    if not blocks:
        raise StructureError("it has no atoms with fractional coordinates (_atom_site_fract_x)")
    data = blocks[0]
    if lacking := [name for name in CELL if name not in data]:
        raise StructureError(f"it has no {lacking[0]}")
    if not any(word in key.lower() for key in data for word in SYMMETRY):
        raise StructureError(
            "it has neither symmetry operations nor a space group; add _symmetry_equiv_pos_as_xyz, or "
            "_space_group_name_H-M_alt 'P 1' if all atoms of the cell are listed"
        )
    labels = data.get("_atom_site_label") or data.get("_atom_site_type_symbol") or data["_atom_site_fract_x"]
    for axis in "xyz":
        for label, value in zip(labels, data[f"_atom_site_fract_{axis}"], strict=True):
            if value in UNKNOWN:
                raise StructureError(f"the site {label} has no coordinate {axis} ('{value}')")
    _check_occupancies(data, labels)
    unknown = [str(value) for value in data.get("_atom_site_occupancy", ()) if value in UNKNOWN]
    return ["unknown occupancies taken as 1"] if unknown else []


def _check_occupancies(data: Any, labels: Any) -> None:
    """Refuse occupancies that are negative, or add up to more than 1 on one place.

    Raises:
        StructureError: with the labels and what was found.
    """
    places: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for number, (label, cell) in enumerate(zip(labels, data.get("_atom_site_occupancy", ()), strict=False)):
        # digits in brackets are standard uncertainties
        value = re.sub(r"\(\d*\)$", "", str(cell))
        if value in UNKNOWN:
            continue
        try:
            amount = float(value)
        except ValueError:
            raise StructureError(f"the site {label} has the occupancy '{cell}', which is no number") from None
        if amount < 0:
            raise StructureError(f"the site {label} has the occupancy {cell}; it must be 0 to 1")
        place = tuple(str(data[f"_atom_site_fract_{axis}"][number]) for axis in "xyz")
        places.setdefault(place, []).append((str(label), amount))
    for sites in places.values():
        total = sum(amount for _, amount in sites)
        if total > ROUNDING_OF_OCCUPANCY:
            parts = " + ".join(f"{label} {amount:g}" for label, amount in sites)
            found = f"{parts} = {total:.3g}" if len(sites) > 1 else parts
            raise StructureError(f"the occupancies of a site add up to more than 1: {found}")


def _check_elements(structure: "Structure") -> None:
    """Refuse a structure with sites that are no elements.

    Raises:
        StructureError: with the label.
    """
    from pymatgen.core import DummySpecies

    for site in structure:
        if any(isinstance(species, DummySpecies) for species in site.species):
            raise StructureError(f"the label '{site.label}' is no element; write its symbol, or leave the site out")


def _check_symmetry(parser: Any) -> None:
    """Refuse a space group that is not known, for which a library would take P 1.

    Raises:
        StructureError: with the space group.
    """
    if not any("Defaulting to P1" in warning or "P1" in warning for warning in parser.warnings):
        return
    named = [
        str(value)
        for block in parser._cif.data.values()
        for key, value in block.data.items()
        if "name_h-m" in key.lower() or "name_hall" in key.lower() or "number" in key.lower()
    ]
    if not any(re.sub(r"[\s'_]", "", name).upper() in ("P1", "1") for name in named):
        raise StructureError(
            f"its space group ({', '.join(named) or 'none'}) is not known, and it has no symmetry operations; add "
            "_symmetry_equiv_pos_as_xyz"
        )


def _check_distances(structure: "Structure") -> str:
    """Refuse a structure in which atoms lie on each other, as rounded special positions make them.

    Returns:
        A note on sites that are near though both are occupied; empty if there are none.

    Raises:
        StructureError: with the sites.
    """
    if len(structure) < 2:
        return ""
    first, second, _, distance = structure.get_neighbor_list(NEAR)
    occupancy = np.array([site.species.num_atoms for site in structure])
    elements = [{_get_symbol(species) for species in site.species} for site in structure]
    # bonds of hydrogen are shorter than that
    heavy = np.array(["H" not in symbols for symbols in elements], dtype=bool)
    near = np.flatnonzero(
        (occupancy[first] + occupancy[second] > 1 + 1e-2) & ((distance < OVERLAP) | (heavy[first] & heavy[second]))
    )
    if not len(near):
        return ""
    place = int(near[np.argmin(distance[near])])
    names = [structure[int(sites[place])].label for sites in (first, second)]
    said = f"the sites {names[0]} and {names[1]} lie {distance[place]:.2f} Å apart, though both are occupied"
    if distance[place] < OVERLAP:
        raise StructureError(f"{said}; are coordinates rounded too far (0.33 for 1/3), or symmetry operations wrong?")
    return said


def _describe_problem(path: str, error: Exception, parser: Any) -> str:
    """Return in words why pymatgen cannot read a file."""
    said = " ".join([*(parser.warnings if parser is not None else []), str(error)])
    if "sum to > 1" in said or "occupanc" in said.lower():
        return "the occupancies of a site add up to more than 1"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    if "not a valid Element" in said or "Element" in type(error).__name__ or "is not a valid" in said:
        return f"a label is no element: {' '.join(str(error).split())[:120]}"
    text = " ".join(str(error).split())[:160] or type(error).__name__
    return f"it is not understood as a CIF file: {text}"


def _describe_note(warning: str) -> str:
    """Return a warning of pymatgen in words; an empty text for those without consequences."""
    if "rounded to ideal" in warning:
        return "coordinates rounded to special positions, as 0.3333 to 1/3"
    if "sum to > 1" in warning:
        return "occupancies that add up to a little more than 1 are scaled"
    return ""
