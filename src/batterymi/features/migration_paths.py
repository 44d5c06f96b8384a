"""Descriptors of the path of an ion through a crystal: what it passes, and how closely."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.errors import BatteryMIError
from batterymi.features.composition import STATISTICS, compute_magpie_features, list_magpie_labels
from batterymi.features.electrode import IONS as WORKING_IONS
from batterymi.features.formulas import Compositions
from batterymi.features.lattice import ANION_RADII
from batterymi.vocabulary.elements import INDEX, SYMBOLS

# charge, and six-coordinate radius (Å; Shannon 1976, doi:10.1107/S0567739476001551)
IONS = {symbol: (charge, radius) for symbol, (charge, _, radius) in WORKING_IONS.items()} | {"Sr": (2, 1.18)}
PNICTIDES = {"P": 2.12, "As": 2.22}  # Å, where there is no other anion; Pauling 1960, The Nature of the Chemical Bond
N_POINTS = 9  # along the straight line between both ends
RADIUS = 8.0  # Å; atoms farther away are not looked for, and distances are at most that
SPARE = 0.6  # Å beyond touching, within which an anion is coordinated
SOFTNESS = 0.3  # Å, over which repulsion falls by e
SCREENING = 2.0  # Å
COULOMB = 14.4  # eV Å, of two unit charges
DECAY = 0.31  # Å, of a bond's valence over its length, as pymatgen has it
NEAREST = 0.3  # Å; nearer atoms make distances to the power of -1 meaningless
FAINT = 1e-6  # keeps logarithms finite where no anion is near
STATISTICS_OF_HOST = ("mean", "avg_dev")
PROFILES = {
    "gap": "distance to the surface of the nearest anion, Å",
    "gap of four": "mean distance to the surfaces of the four nearest anions, Å",
    "coordination": "anions within 0.6 Å of touching",
    "bond valence": "logarithm of the sum over anions, per charge of the ion",
    "repulsion": "logarithm of what nearby anions add up to",
    "cation distance": "distance of the nearest other cation, Å",
    "cation field": "screened repulsion by all other cations, as if each had one charge, eV",
    "ion distance": "distance of the nearest other mobile ion, Å",
}
POINTS = ("lower end", "higher end", "middle", "smallest", "largest", "middle over ends")


class PathError(BatteryMIError):
    """A path that cannot be described."""


@dataclass(frozen=True, eq=False)
class MigrationPath:
    """The straight path of one ion from one site to another.

    Attributes:
        ion: symbol of the element that moves.
        cell: lattice vectors in Å, one per row, shape (3, 3).
        ends: fractional coordinates of both ends, not folded into the cell, shape (2, 3).
        positions: fractional coordinates of all other atoms, shape (n_atoms, 3).
        elements: their places in `SYMBOLS`, shape (n_atoms,).
    """

    ion: str
    cell: Array
    ends: Array
    positions: Array
    elements: Indices

    @property
    def host_system(self) -> str:
        """Return the elements of the host without the mobile ion, as Co-O."""
        return "-".join(sorted({SYMBOLS[element] for element in self.elements} - {self.ion}))

    @property
    def formula(self) -> str:
        """Return the formula of the cell with the ion that moves."""
        counts = Counter([self.ion, *(SYMBOLS[element] for element in self.elements)])
        return "".join(f"{symbol}{counts[symbol]}" for symbol in sorted(counts))


def describe_path(path: MigrationPath) -> dict[str, float]:
    """Compute the descriptors of a path: 48 along it, 44 of the host's composition, 10 of ion, length and cell.

    Each of `PROFILES` is computed at nine points; its values at the lower and the higher end, in the middle, its
    extremes, and the middle less the mean of the ends do not depend on which end comes first.

    Raises:
        PathError: if the ion is none of `IONS`, or the host has no anion whose radius is known.
    """
    if path.ion not in IONS:
        raise PathError(f"the ion {path.ion} is none of {', '.join(IONS)}")
    charge, radius = IONS[path.ion]
    anions = np.isin(path.elements, [INDEX[symbol] for symbol in find_anions(path)])
    found = {
        f"{name}: {point}": value
        for name, profile in compute_profiles(path).items()
        for point, value in zip(POINTS, _summarise(profile), strict=True)
    }
    own = path.elements == INDEX[path.ion]
    found |= describe_host(path.elements)
    found |= {
        "hop (Å)": float(np.linalg.norm((path.ends[1] - path.ends[0]) @ path.cell)),
        "volume per atom (Å3)": abs(float(np.linalg.det(path.cell))) / len(path.elements),
        "ion: radius (Å)": radius,
        "ion: charge": float(charge),
        "ion: atomic number": float(INDEX[path.ion] + 1),
        "anions per atom": float(anions.mean()),
        "mobile ions per atom": float(own.mean()),
    }
    return found | {f"{symbol} per atom": float((path.elements == INDEX[symbol]).mean()) for symbol in ("O", "S", "F")}


def find_anions(path: MigrationPath) -> dict[str, float]:
    """Return the radii of the anions of a host by symbol, Å; phosphides and arsenides are those without another.

    Raises:
        PathError: if there is none.
    """
    for radii in (ANION_RADII, PNICTIDES):
        if found := {symbol: size for symbol, size in radii.items() if INDEX[symbol] in path.elements}:
            return found
    known = ", ".join((*ANION_RADII, *PNICTIDES))
    raise PathError(f"the host {path.host_system} has none of the anions {known}")


def compute_profiles(path: MigrationPath) -> dict[str, Array]:
    """Compute each of `PROFILES` along a path, shape (N_POINTS,); what is not within 8 Å is at 8 Å.

    Bond valences are those of O'Keeffe and Brese 1991 (doi:10.1021/ja00009a002), as pymatgen has them.
    """
    charge, radius = IONS[path.ion]
    point, atom, distance = _find_atoms(path)
    element = path.elements[atom]
    radii, bonds = np.full(len(SYMBOLS), np.nan), np.full(len(SYMBOLS), np.nan)
    for symbol, size in find_anions(path).items():
        radii[INDEX[symbol]], bonds[INDEX[symbol]] = size, _get_bond_length(path.ion, symbol)
    is_anion, is_ion = np.isfinite(radii[element]), element == INDEX[path.ion]
    is_cation = ~is_anion & ~is_ion
    gap = distance - radii[element]
    valence = np.exp((bonds[element] - distance) / DECAY)
    closeness = np.exp((radius - gap) / SOFTNESS)
    field = charge * COULOMB / distance * np.exp(-distance / SCREENING)
    return {
        "gap": _take_nearest(point[is_anion], gap[is_anion], 1),
        "gap of four": _take_nearest(point[is_anion], gap[is_anion], 4),
        "coordination": _add_up(point[is_anion & (gap < radius + SPARE)], 1.0),
        "bond valence": np.log(_add_up(point[is_anion], valence[is_anion]) / charge + FAINT),
        "repulsion": np.log(_add_up(point[is_anion], closeness[is_anion]) + FAINT),
        "cation distance": _take_nearest(point[is_cation], distance[is_cation], 1),
        "cation field": _add_up(point[is_cation], field[is_cation]),
        "ion distance": _take_nearest(point[is_ion], distance[is_ion], 1),
    }


def describe_host(elements: Indices) -> dict[str, float]:
    """Return Magpie's means and deviations of 22 properties of the elements of the host's atoms."""
    kinds, counts = np.unique(elements, return_counts=True)
    values = compute_magpie_features(Compositions(1, np.zeros(1, dtype=np.intp), kinds, counts.astype(float)))[0]
    assert len(STATISTICS) * 22 == len(values)
    return {
        f"host: {label.removeprefix('MagpieData ')}": float(value)
        for label, value in zip(list_magpie_labels(), values, strict=True)
        if label.split()[1] in STATISTICS_OF_HOST
    }


def _find_atoms(path: MigrationPath) -> tuple[Indices, Indices, Array]:
    """Return point, atom and distance in Å of every atom near a point of a path, with every periodic image."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    share = np.linspace(0, 1, N_POINTS)[:, None]
    points = (path.ends[0] + share * (path.ends[1] - path.ends[0])) @ path.cell
    atoms = np.ascontiguousarray(path.positions @ path.cell)
    periodic = np.ones(3, dtype=np.int64)
    point, atom, _, distance = find_points_in_spheres(
        atoms, np.ascontiguousarray(points), r=RADIUS, pbc=periodic, lattice=np.ascontiguousarray(path.cell), tol=1e-8
    )
    return point.astype(np.intp), atom.astype(np.intp), np.maximum(distance, NEAREST)


def _get_bond_length(ion: str, anion: str) -> float:
    """Return the length of a bond of valence one, Å."""
    from pymatgen.analysis.bond_valence import BV_PARAMS
    from pymatgen.core import Element

    first, second = (BV_PARAMS[Element(symbol)] for symbol in (ion, anion))
    r1, r2, c1, c2 = first["r"], second["r"], first["c"], second["c"]
    return float(r1 + r2 - r1 * r2 * (np.sqrt(c1) - np.sqrt(c2)) ** 2 / (c1 * r1 + c2 * r2))


def _take_nearest(point: Indices, values: Array, n: int) -> Array:
    """Return the mean of the n smallest values at each point, which are at most the radius, shape (N_POINTS,)."""
    found = [np.sort(np.append(values[point == number], np.full(n, RADIUS)))[:n] for number in range(N_POINTS)]
    return np.asarray(np.mean(found, axis=1))


def _add_up(point: Indices, values: Array | float) -> Array:
    """Return the sum of values at each point, shape (N_POINTS,)."""
    return np.bincount(point, np.broadcast_to(values, point.shape), N_POINTS).astype(float)


def _summarise(profile: Array) -> list[float]:
    """Return the values of a profile at `POINTS`."""
    ends, middle = profile[[0, -1]], profile[N_POINTS // 2]
    found = ends.min(), ends.max(), middle, profile.min(), profile.max(), middle - ends.mean()
    return [float(value) for value in found]
