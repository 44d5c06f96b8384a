"""Sites of a crystal as arrays: what occupies each, partly or not, and which neighbours it has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.vocabulary.elements import INDEX, SYMBOLS

if TYPE_CHECKING:
    from pymatgen.core import Structure

N_ELEMENTS = len(SYMBOLS)


@dataclass(frozen=True)
class SiteRecord:
    """The sites of one unit cell.

    Attributes:
        cell: lattice vectors in Å, one per row, shape (3, 3).
        positions: fractional coordinates, shape (n_sites, 3).
        amounts: atoms of each element on each site, in the order of `SYMBOLS`, shape (n_sites, n_elements); a row adds
            up to the site's occupancy, at most 1.
    """

    cell: Array
    positions: Array
    amounts: Array

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def occupancies(self) -> Array:
        """Return the occupancy of each site, shape (n_sites,)."""
        return np.asarray(self.amounts.sum(axis=1))

    @property
    def totals(self) -> Array:
        """Return the atoms of each element in the cell, shape (n_elements,)."""
        return np.asarray(self.amounts.sum(axis=0))


@dataclass(frozen=True)
class Neighbours:
    """Pairs of sites within a radius, each in both directions and with every periodic image.

    Attributes:
        centre: index of the site, shape (n_pairs,).
        neighbour: index of its neighbour, shape (n_pairs,).
        distance: Å, shape (n_pairs,).
    """

    centre: Indices
    neighbour: Indices
    distance: Array


def make_record(structure: "Structure") -> SiteRecord:
    """Return the record of a structure; isotopes and oxidation states count as their element.

    Args:
        structure: pymatgen's, as `read_structure` reads it: elements alone, occupancies of 1 at most.
    """
    amounts = np.zeros((len(structure), N_ELEMENTS))
    for row, site in enumerate(structure):
        for species, amount in site.species.items():
            amounts[row, INDEX[_get_element(species)]] += float(amount)
    # rounding in files leaves sums such as 1.0001
    amounts /= np.maximum(amounts.sum(axis=1, keepdims=True), 1.0)
    return SiteRecord(np.array(structure.lattice.matrix), np.array(structure.frac_coords) % 1.0, amounts)


def _get_element(species: Any) -> str:
    """Return the symbol of the element of a species; deuterium and tritium are hydrogen."""
    symbol = str(getattr(species, "symbol", species))
    return "H" if symbol in ("D", "T") else symbol


def make_cell(edges: Array, angles: Array) -> Array:
    """Return lattice vectors, the first along x and the second in the plane of x and y.

    Args:
        edges: a, b, c in Å.
        angles: α, β, γ in degrees, which form a cell.

    Returns:
        Shape (3, 3), one vector per row.
    """
    cos_alpha, cos_beta, cos_gamma = np.cos(np.radians(angles))
    sin_gamma = np.sin(np.radians(angles[2]))
    along_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    height = np.sqrt(1 - cos_beta**2 - along_y**2)
    directions = np.array([[1, 0, 0], [cos_gamma, sin_gamma, 0], [cos_beta, along_y, height]])
    return np.asarray(edges, float)[:, None] * directions


def measure_cell(cell: Array) -> tuple[Array, Array]:
    """Return the edges in Å and the angles α, β, γ in degrees of a cell, each of shape (3,)."""
    edges = np.linalg.norm(cell, axis=1)
    cosines = [cell[i] @ cell[j] / (edges[i] * edges[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    return edges, np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def find_neighbours(record: SiteRecord, radius: float, nearest: float) -> Neighbours:
    """Find all pairs of sites within a radius.

    Args:
        record: the sites.
        radius: Å.
        nearest: Å; closer pairs are one atom that two sites share, and left out.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    points = np.ascontiguousarray(record.positions @ record.cell)
    periodic = np.ones(3, dtype=np.int64)
    found = find_points_in_spheres(
        points, points, r=radius, pbc=periodic, lattice=np.ascontiguousarray(record.cell), tol=1e-8
    )
    centre, neighbour, _, distance = found
    kept = distance >= nearest
    return Neighbours(centre[kept].astype(np.intp), neighbour[kept].astype(np.intp), distance[kept])
