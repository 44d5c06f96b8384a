"""The electrochemical window: the voltages against Li at which an equilibrium neither takes up nor gives off lithium.

The convention is that of Zhu, He and Mo 2015 (doi:10.1021/acsami.5b07517) and Richards et al. 2016
(doi:10.1021/acs.chemmater.5b04082): a metastable electrolyte is replaced by the equilibrium at its composition, so that
the window is a property of the competing phases. The chemical potential of lithium is the dual variable of its balance
in the linear programme; it jumps at the composition itself, from the reduction edge with a little more lithium to the
oxidation edge with a little less.
"""

from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array, Mask
from batterymi.stability.equilibrium import PRESENT, Equilibrium, find_equilibrium
from batterymi.stability.phases import System

STEP = 1e-4  # lithium added or taken, per atom of the electrolyte
TAKES, GIVES = 1, -1  # signs of the lithium at the reduction and at the oxidation edge
NOTICEABLE_V = 1e-6


@dataclass(frozen=True)
class Edge:
    """An edge of the window.

    Attributes:
        volts: against Li; NaN at the oxidation edge of a composition without lithium.
        products: formulas of the phases just beyond the edge, the largest share first.
        set_by: the phase without which the edge moves most; an element if no compound takes part.
        volts_without: the edge without that phase; NaN if that is an element.
        spread: standard deviation over draws of the energies, in V; NaN without draws.
    """

    volts: float
    products: tuple[str, ...] = ()
    set_by: str = ""
    volts_without: float = float("nan")
    spread: float = float("nan")


def find_edge(
    system: System, composition: Array, side: int, kept: Mask | None = None, energies: Array | None = None
) -> tuple[float, Equilibrium]:
    """Find an edge of the window.

    Args:
        system: phases of the electrolyte's elements and lithium.
        composition: atomic fractions of the electrolyte.
        side: `TAKES` for the reduction, `GIVES` for the oxidation edge, which needs lithium in the electrolyte.
        kept: the phases that may form; None for all.
        energies: in place of those of the system.

    Returns:
        Volts against Li, and the equilibrium just beyond the edge.
    """
    step = STEP if side == TAKES else min(STEP, composition[system.ion] / 2)
    shifted = composition.copy()
    shifted[system.ion] += side * step
    equilibrium = find_equilibrium(system, shifted / shifted.sum(), kept, energies)
    return -float(equilibrium.potentials[system.ion]), equilibrium


def examine_edge(system: System, composition: Array, side: int, noise: Array | None = None) -> Edge:
    """Find an edge with the phase that sets it, and its spread.

    Args:
        system: phases of the electrolyte's elements and lithium.
        composition: atomic fractions of the electrolyte.
        side: `TAKES` or `GIVES`.
        noise: to add to the energies, in eV/atom, shape (n_draws, n_phases); None for no draws.
    """
    volts, equilibrium = find_edge(system, composition, side)
    set_by, without = _find_setting_phase(system, composition, side, volts, equilibrium)
    spread = float("nan")
    if noise is not None and len(noise) > 1:
        drawn = [find_edge(system, composition, side, energies=system.energies + row)[0] for row in noise]
        spread = float(np.std(drawn, ddof=1))
    return Edge(volts, equilibrium.list_phases(system), set_by, without, spread)


def _find_setting_phase(
    system: System, composition: Array, side: int, volts: float, equilibrium: Equilibrium
) -> tuple[str, float]:
    """Return the phase without which an edge moves most, and the edge without it."""
    own, n_elements = system.find(composition), len(system.symbols)
    places = [place for place in np.flatnonzero(equilibrium.amounts > PRESENT).tolist() if place != own]
    # elements cannot be left out, since everything can decompose to them
    moved = {p: find_edge(system, composition, side, system.all_but(p))[0] for p in places if p >= n_elements}
    ordered = sorted(moved, key=lambda place: (-round(abs(moved[place] - volts), 6), system.names[place]))
    if ordered and abs(moved[ordered[0]] - volts) > NOTICEABLE_V:
        return system.names[ordered[0]], moved[ordered[0]]
    elements = [system.names[place] for place in places if place < n_elements]
    return (elements[0] if elements else ""), float("nan")
