"""Theoretical energies of whole cell reactions; capacities of single materials are in `features.capacity`."""

from collections.abc import Mapping

from batterymi.errors import DesignError
from batterymi.features.capacity import FARADAY_MAH_MOL, compute_theoretical_capacity


def compute_reaction_energy(reactants: Mapping[str, float], electrons: float, voltage_v: float) -> float:
    """Compute the energy of a cell reaction per mass of its reactants: n F V over the sum of the molar masses.

    S + 2 Li at 2.2 V: 2 x 26,801 mAh/mol x 2.2 V / (32.06 + 2 x 6.94) g/mol = 2,567 Wh/kg.

    Args:
        reactants: moles of each formula.
        electrons: transferred per reaction.
        voltage_v: mean voltage.

    Returns:
        Wh/kg.

    Raises:
        DesignError: if an amount, the electrons or the voltage are not above 0.
        TableError: if a formula cannot be read.
    """
    for name, number in (*reactants.items(), ("electrons", electrons), ("voltage_v", voltage_v)):
        if not number > 0:
            raise DesignError(f"{name}: {number:g} is not above 0")
    # one ion per formula gives F/M, so the molar mass is F over it
    masses = {formula: FARADAY_MAH_MOL / compute_theoretical_capacity(formula, 1) for formula in reactants}
    mass = sum(moles * masses[formula] for formula, moles in reactants.items())
    return electrons * FARADAY_MAH_MOL * voltage_v / mass
