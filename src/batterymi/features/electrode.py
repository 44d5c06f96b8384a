"""Descriptors of an insertion electrode: what differs between its charged and its discharged formula."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.features.composition import compute_magpie_features, list_magpie_labels
from batterymi.features.formulas import Compositions, FormulaError, parse_formulas
from batterymi.vocabulary.elements import INDEX, SYMBOLS

# charge of the working ion, standard potential of its metal (V vs SHE; CRC Handbook of Chemistry and Physics), and
# six-coordinate radius (Å; Shannon 1976, doi:10.1107/S0567739476001551)
IONS: dict[str, tuple[int, float, float]] = {
    "Li": (1, -3.040, 0.76),
    "Na": (1, -2.710, 1.02),
    "K": (1, -2.931, 1.38),
    "Rb": (1, -2.980, 1.52),
    "Cs": (1, -3.026, 1.67),
    "Mg": (2, -2.372, 0.72),
    "Ca": (2, -2.868, 1.00),
    "Zn": (2, -0.762, 0.74),
    "Al": (3, -1.662, 0.535),
    "Y": (3, -2.372, 0.900),
}
# oxidation states that stay while the electrode works
FIXED = {"O": -2, "F": -1, "Cl": -1, "Br": -1, "I": -1, "S": -2, "Se": -2, "N": -3, "H": 1}
FIXED |= {"P": 5, "Si": 4, "B": 3, "C": 4, "Ge": 4, "As": 5, "Al": 3, "Ga": 3, "Y": 3, "La": 3, "Zr": 4, "Hf": 4}
FIXED |= {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Zn": 2, "Sc": 3}
REDOX = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Mo", "W", "Nb", "Ta", "Bi", "Sb", "Sn", "Ru", "Re", "Ce", "Ag")
CENTRES = ("P", "S", "Si", "B", "C", "As", "Ge", "Se", "N")  # of polyanions
LEAST_HOST = 1e-9  # of the atoms of a formula, below which there is no host
LIMIT = 9.0  # oxidation states beyond are an artefact of the bookkeeping


def compute_electrode_descriptors(*, charged: pd.Series, discharged: pd.Series, ion: pd.Series) -> pd.DataFrame:
    """Compute quantities of an electrode's formulas from which its voltage follows.

    Ions taken up per host atom and per redox-active metal; that metal's mean oxidation state before and after, from the
    charges of everything else (the voltage is its energy); which metal it is; the polyanion's centre, which
    raises the voltage by induction (Manthiram and Goodenough 1989, doi:10.1016/0378-7753(89)80153-3); the working ion
    with the standard potential of its metal.

    Args:
        charged: formulas with few or no working ions.
        discharged: formulas with more.
        ion: the working ion, one of `IONS`.

    Returns:
        One column per quantity.

    Raises:
        FormulaError: if a formula cannot be read, or an ion is none of these.
    """
    empty, full = parse_formulas(charged), parse_formulas(discharged)
    if unknown := sorted({str(symbol) for symbol in ion} - set(IONS)):
        raise FormulaError(f"'{unknown[0]}' is no working ion that is known; these are: {', '.join(IONS)}")
    charge, potential, radius = (np.array([IONS[symbol][k] for symbol in ion], float) for k in range(3))
    ions_empty, host_empty = split_ion(empty, ion)
    ions_full, host_full = split_ion(full, ion)
    metals = empty.count_atoms(*REDOX)
    # no division by zero; rows without a redox metal are set to 0 below
    divisor = np.where(metals > 0, metals, 1.0)
    per_metal = host_empty / divisor
    taken = ions_full / host_full - ions_empty / host_empty
    before, after = compute_oxidation_state(empty, ion, charge), compute_oxidation_state(full, ion, charge)
    columns = {
        "ions per host atom, charged": ions_empty / host_empty,
        "ions per host atom, discharged": ions_full / host_full,
        "ions taken up per host atom": taken,
        "electrons per redox metal": np.where(metals > 0, np.minimum(taken * charge * per_metal, LIMIT), 0.0),
        "oxidation state, charged": before,
        "oxidation state, discharged": after,
        "mean oxidation state": (before + after) / 2,
        "redox metals per host atom": metals / host_empty,
        "ion charge": charge,
        "ion potential (V)": potential,
        "ion radius (Å)": radius,
        "polyanion centres per host atom": empty.count_atoms(*CENTRES) / host_empty,
        "oxygen per redox metal": np.where(metals > 0, empty.count_atoms("O") / divisor, 0.0),
        "oxygen per polyanion centre": empty.count_atoms("O") / np.maximum(empty.count_atoms(*CENTRES), 0.1),
        "fluorine per host atom": empty.count_atoms("F") / host_empty,
    }
    columns |= {f"{metal} of redox metals": empty.count_atoms(metal) / divisor for metal in REDOX}
    return pd.DataFrame(columns, charged.index)


def compute_host_magpie(*, formula: pd.Series, ion: pd.Series) -> pd.DataFrame:
    """Compute Magpie's 132 statistics of a formula without its working ion, see `compute_magpie_features`.

    The host alone, so that working ions can be compared (Ward et al. 2016, doi:10.1038/npjcompumats.2016.28).

    Args:
        formula: formulas.
        ion: the working ion of each, as Li.
    """
    host = _remove_ion(parse_formulas(formula), ion)
    return pd.DataFrame(compute_magpie_features(host), formula.index, list_magpie_labels())


def split_ion(compositions: Compositions, ion: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count the working ions and the other atoms of each formula as written.

    Args:
        compositions: n formulas.
        ion: the working ion of each, shape (n,).

    Returns:
        Two arrays of shape (n,); the second is 0.001 for formulas that are nothing but the ion.
    """
    ions = compositions.total(np.where(_is_ion(compositions, ion), compositions.amounts, 0.0))
    atoms = compositions.atoms
    # by the share of the atoms, so that a formula of small amounts is the same as one of large ones
    return ions, np.where(atoms - ions > LEAST_HOST * atoms, atoms - ions, 1e-3)


def _is_ion(compositions: Compositions, ion: pd.Series) -> NDArray[np.bool_]:
    """Return whether each entry is the working ion of its formula."""
    if unknown := sorted({str(symbol) for symbol in ion} - set(INDEX)):
        raise FormulaError(f"'{unknown[0]}' is no element; give the working ion as its symbol, as Na")
    numbers = np.array([INDEX[symbol] for symbol in ion], dtype=np.intp)
    is_ion: NDArray[np.bool_] = compositions.elements == np.repeat(numbers, compositions.counts)
    return is_ion


def _remove_ion(compositions: Compositions, ion: pd.Series) -> Compositions:
    """Remove the working ion from each formula; formulas that are nothing else keep it."""
    is_ion = _is_ion(compositions, ion)
    # a formula that is nothing but the ion would have no entries left
    return compositions.select(~is_ion | np.repeat(compositions.counts == 1, compositions.counts))


def compute_oxidation_state(
    compositions: Compositions, ion: pd.Series, charge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the redox metals' mean oxidation state if all else keeps its own; 0 where there are none.

    Sulphur, selenium and nitrogen beside oxygen are centres of polyanions: +6, +6, +5.
    """
    fixed = np.zeros(len(SYMBOLS))
    for symbol, state in FIXED.items():
        fixed[INDEX[symbol]] = state
    states = fixed[compositions.elements]
    has_oxygen = np.repeat(compositions.count_atoms("O") > 0, compositions.counts)
    for symbol, highest in (("S", 6.0), ("Se", 6.0), ("N", 5.0)):
        # three oxygens per atom make it a polyanion's centre; with fewer it is an anion beside oxygen
        few = np.repeat(compositions.count_atoms("O") >= 3 * compositions.count_atoms(symbol), compositions.counts)
        states = np.where((compositions.elements == INDEX[symbol]) & has_oxygen & few, highest, states)
    states = np.where(_is_ion(compositions, ion), np.repeat(charge, compositions.counts), states)
    is_redox = np.isin(compositions.elements, [INDEX[metal] for metal in REDOX])
    fixed_charge = compositions.total(np.where(is_redox, 0.0, compositions.amounts * states))
    metals = compositions.total(np.where(is_redox, compositions.amounts, 0.0))
    return np.clip(np.where(metals > 0, -fixed_charge / np.where(metals > 0, metals, 1.0), 0.0), -LIMIT, LIMIT)
