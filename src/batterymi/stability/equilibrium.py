"""Equilibria of phases as linear programmes, solved by HiGHS (Huangfu and Hall 2018, doi:10.1007/s12532-017-0130-5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from batterymi.arrays import Array, Mask
from batterymi.stability.phases import StabilityError, System

PRESENT = 1e-6  # share of the atoms above which a phase is there; the solver's tolerance is 1e-7


@dataclass(frozen=True)
class Equilibrium:
    """Phases of lowest energy at a composition.

    Attributes:
        energy: eV/atom.
        amounts: share of the atoms in each phase of the system, shape (n_phases,).
        potentials: chemical potential of each element in eV, against the element, shape (n_elements,).
    """

    energy: float
    amounts: Array
    potentials: Array

    def list_phases(self, system: System) -> tuple[str, ...]:
        """Return the formulas of the phases, the largest share first."""
        return name_phases(system, self.amounts)


def name_phases(system: System, amounts: Array) -> tuple[str, ...]:
    """Return the formulas of phases that are there, the largest share first, and by name where shares are equal."""
    places = np.flatnonzero(amounts > PRESENT).tolist()
    ordered = sorted(places, key=lambda place: (-round(float(amounts[place]), 6), system.names[place]))
    return tuple(system.names[place] for place in ordered)


def find_equilibrium(
    system: System, composition: Array, kept: Mask | None = None, energies: Array | None = None
) -> Equilibrium:
    """Find the phases of lowest energy at a composition.

    Args:
        system: the phases.
        composition: atomic fractions, shape (n_elements,).
        kept: the phases that may form, shape (n_phases,); None for all.
        energies: in place of those of the system, shape (n_phases,).

    Raises:
        StabilityError: if the phases cannot make up the composition.
    """
    costs, matrix = system.energies if energies is None else energies, system.fractions
    if kept is not None:
        costs, matrix = costs[kept], matrix[:, kept]
    solution = solve_programme(costs, matrix, composition)
    amounts = solution.x
    if kept is not None:
        amounts = np.zeros(len(kept))
        amounts[kept] = solution.x
    return Equilibrium(float(solution.fun), amounts, solution.eqlin.marginals)


def solve_programme(costs: Array, matrix: Array, totals: Array) -> Any:
    """Minimise the costs of amounts that are not negative and make up the totals; return SciPy's result.

    Args:
        costs: shape (n,).
        matrix: shape (m, n).
        totals: shape (m,).

    Raises:
        StabilityError: if there is no solution.
    """
    # programmes of ten rows are solved sooner than presolved
    options = {"presolve": False}
    found = linprog(costs, A_eq=matrix, b_eq=totals, bounds=(0, None), method="highs-ds", options=options)
    if found.status != 0:
        raise StabilityError(f"the equilibrium has no solution: {found.message}")
    return found
