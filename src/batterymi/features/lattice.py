"""Descriptors of a crystal's cell: how much room its atoms, and its lithium, have."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.features.composition import get_element_property
from batterymi.features.formulas import Compositions, parse_formulas

ANIONS = ("O", "S", "Se", "Te", "F", "Cl", "Br", "I", "N", "H")
# Å, six-coordinate (nitride: four); Shannon 1976, doi:10.1107/S0567739476001551
ANION_RADII = {"O": 1.40, "S": 1.84, "Se": 1.98, "Te": 2.21, "F": 1.33, "Cl": 1.81, "Br": 1.96, "I": 2.20, "N": 1.46}
# Å3, free ions; Pauling 1927, doi:10.1098/rspa.1927.0035
POLARIZABILITIES = {"O": 3.88, "S": 10.2, "Se": 10.5, "Te": 14.0, "F": 1.04, "Cl": 3.66, "Br": 4.77, "I": 7.10}
CRYSTAL_SYSTEMS = (3, 16, 75, 143, 168, 195)  # first space group of monoclinic … cubic
FEWEST_SHARE = 0.02
DALTON_PER_A3 = 1.66053907  # g/cm3


def compute_cell_volume(a: Any, b: Any, c: Any, alpha: Any, beta: Any, gamma: Any) -> NDArray[np.float64]:
    """Compute the volume of a unit cell.

    Args:
        a: edge, Å, shape (n,).
        b: edge, Å.
        c: edge, Å.
        alpha: angle between b and c, degrees.
        beta: angle between a and c, degrees.
        gamma: angle between a and b, degrees.

    Returns:
        Å3, shape (n,); NaN for angles that form no cell.
    """
    x, y, z = (np.cos(np.radians(np.asarray(angle, float))) for angle in (alpha, beta, gamma))
    squared = 1 - x**2 - y**2 - z**2 + 2 * x * y * z
    # angles that form no cell give a negative square
    root = np.sqrt(np.where(squared > 0, squared, np.nan))
    return np.asarray(a, float) * np.asarray(b, float) * np.asarray(c, float) * root


def compute_lattice_descriptors(
    *,
    cell_content: pd.Series,
    space_group: pd.Series,
    a: pd.Series,
    b: pd.Series,
    c: pd.Series,
    alpha: pd.Series,
    beta: pd.Series,
    gamma: pd.Series,
) -> pd.DataFrame:
    """Compute what a cell and its formula say about the room for lithium to move.

    Volume per atom, per lithium and per anion; the part of the cell that anions leave free; lithium per atom, per anion
    and per other cation, and how far its amount is from whole numbers, as on partly filled sites; polarisability of the
    anions, whose softness lowers barriers; mixing entropy; density; crystal system.

    Args:
        cell_content: formula with as many atoms as the unit cell has.
        space_group: number, 1 to 230.
        a: edge, Å.
        b: edge, Å.
        c: edge, Å.
        alpha: angle, degrees.
        beta: angle, degrees.
        gamma: angle, degrees.

    Returns:
        One column per quantity, named with its unit.
    """
    compositions = parse_formulas(cell_content)
    edges = [pd.to_numeric(edge).to_numpy(float) for edge in (a, b, c)]
    angles = [pd.to_numeric(angle).to_numpy(float) for angle in (alpha, beta, gamma)]
    volume, lithium, atoms = compute_cell_volume(*edges, *angles), compositions.count_atoms("Li"), compositions.atoms
    anions = compositions.count_atoms(*ANIONS)
    few = FEWEST_SHARE * atoms  # keeps ratios finite for compounds without anions, or nearly without lithium
    some_anions, some_lithium = np.maximum(anions, few), np.maximum(lithium, few)
    group = pd.to_numeric(space_group).to_numpy(float)
    ball = sum(compositions.count_atoms(element) * 4 / 3 * np.pi * radius**3 for element, radius in ANION_RADII.items())
    soft = sum(compositions.count_atoms(element) * value for element, value in POLARIZABILITIES.items())
    off = np.abs(compositions.amounts - np.round(compositions.amounts))
    mass = compositions.total(compositions.amounts * get_element_property("AtomicWeight")[compositions.elements])
    columns = {
        "cell volume (Å3)": volume,
        "volume per atom (Å3)": volume / atoms,
        "volume per lithium (Å3)": volume / some_lithium,
        "lithium per volume (1/Å3)": lithium / volume,
        "mean lithium distance (Å)": np.cbrt(volume / some_lithium),
        "volume per anion (Å3)": volume / some_anions,
        "free volume": 1 - ball / volume,
        "lithium per atom": lithium / atoms,
        "lithium per anion": lithium / some_anions,
        "lithium per other cation": lithium / np.maximum(atoms - lithium - anions, few),
        "anions per atom": anions / atoms,
        "lithium off whole numbers": np.abs(lithium - np.round(lithium)),
        "any element off whole numbers": np.maximum.reduceat(off, compositions.starts),
        "mixing entropy (kB per atom)": -compositions.total(_compute_x_log_x(compositions)),
        "polarisability per anion (Å3)": soft / some_anions,
        "density (g/cm3)": mass / volume * DALTON_PER_A3,
        "crystal system": np.digitize(group, CRYSTAL_SYSTEMS).astype(float),
        "atoms per cell": atoms,
        "b / a": edges[1] / edges[0],
        "c / a": edges[2] / edges[0],
        "number of elements": compositions.counts.astype(float),
    }
    return pd.DataFrame(columns, cell_content.index)


def _compute_x_log_x(compositions: Compositions) -> NDArray[np.float64]:
    """Compute the fraction of each entry times its logarithm."""
    fractions = compositions.fractions
    return fractions * np.log(fractions)
