"""Reactions of an electrolyte with lithium metal, with cathodes and with water, from the same energies."""

from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array
from batterymi.stability.equilibrium import name_phases, solve_programme
from batterymi.stability.phases import ION, System

LEAST = 1e-9  # eV/atom: what is less is the rounding of the solver


@dataclass(frozen=True)
class Reaction:
    """The reaction of an electrolyte with something else.

    Attributes:
        energy: eV/atom, of the electrolyte with lithium, else of the mixture; 0 or negative.
        share: atoms of the electrolyte per atom of the mixture at the most negative energy; NaN with lithium, of which
            there is as much as the reaction takes.
        products: formulas, the largest share first; empty without a reaction.
    """

    energy: float
    share: float
    products: tuple[str, ...]


def react_with_lithium(system: System, composition: Array, energy: float) -> Reaction:
    """Find the reaction with lithium metal, of which there is as much as it takes: at 0 V against Li.

    Args:
        system: phases of the electrolyte's elements and lithium.
        composition: atomic fractions of the electrolyte.
        energy: of the electrolyte, eV/atom.
    """
    others = np.arange(len(system.symbols)) != system.ion
    # lithium costs nothing at its own potential, so that its balance need not hold
    solution = solve_programme(system.energies, system.fractions[others], composition[others])
    products = tuple(name for name in name_phases(system, solution.x) if name != ION)
    gained = float(solution.fun) - energy
    return Reaction(gained, float("nan"), products) if gained < -LEAST else Reaction(0.0, float("nan"), ())


def react_with(system: System, electrolyte: Array, energy: float, partner: Array, partner_energy: float) -> Reaction:
    """Find the most negative reaction energy over all mixing ratios of an electrolyte and a partner.

    The pseudo-binary of Richards et al. 2016 (doi:10.1021/acs.chemmater.5b04082), with the mixing ratio as a variable
    of the same linear programme.

    Args:
        system: phases of the elements of both.
        electrolyte: its atomic fractions.
        energy: of the electrolyte, eV/atom.
        partner: atomic fractions of the partner.
        partner_energy: eV/atom; that of the equilibrium at its composition leaves out what it does by itself, as a
            charged cathode that gives off oxygen.
    """
    n_phases, n_elements = len(system.energies), len(system.symbols)
    costs = np.concatenate([system.energies, [-energy, -partner_energy]])
    matrix = np.zeros((n_elements + 1, n_phases + 2))
    matrix[:n_elements, :n_phases] = system.fractions
    matrix[:n_elements, n_phases], matrix[:n_elements, n_phases + 1] = -electrolyte, -partner
    matrix[n_elements, n_phases:] = 1.0
    solution = solve_programme(costs, matrix, np.append(np.zeros(n_elements), 1.0))
    if solution.fun > -LEAST:
        return Reaction(0.0, float("nan"), ())
    return Reaction(float(solution.fun), float(solution.x[n_phases]), name_phases(system, solution.x[:n_phases]))
