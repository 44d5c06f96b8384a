"""Everything that a table of formation energies says of the stability of one composition."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from batterymi.arrays import Array
from batterymi.features.formulas import parse_formula
from batterymi.stability.equilibrium import find_equilibrium
from batterymi.stability.phases import PhaseTable, StabilityError, System
from batterymi.stability.reactions import Reaction, react_with, react_with_lithium
from batterymi.stability.window import GIVES, TAKES, Edge, examine_edge, find_edge
from batterymi.vocabulary.stability import FIRST_PARTNERS, PARTNERS

JOIN = " + "  # between products
NO_EDGE = Edge(float("nan"))
NO_REACTION = Reaction(float("nan"), float("nan"), ())


@dataclass(frozen=True)
class Depth:
    """How much is computed.

    Attributes:
        partners: keys of `PARTNERS`.
        edges: whether the phase that sets each edge is looked for.
        draws: whether edges get a standard deviation.
    """

    partners: tuple[str, ...] = tuple(PARTNERS)
    edges: bool = True
    draws: bool = False


FIRST, WITHOUT_DRAWS, FULL = Depth(FIRST_PARTNERS, edges=False), Depth(), Depth(draws=True)


@dataclass(frozen=True)
class Assessment:
    """The stability of one composition.

    Attributes:
        e_form: formation energy of its entry in the table, eV/atom; NaN without an entry.
        e_decomposition: eV/atom to the other phases; negative if it is stable, and NaN without an entry.
        decomposes_to: these phases.
        reduction: the lower edge of the window.
        oxidation: the upper edge.
        lithium: the reaction with lithium metal.
        partners: reactions by key of `PARTNERS`.
        e_others: energy of the other phases, eV/atom.
    """

    e_form: float
    e_decomposition: float
    decomposes_to: tuple[str, ...]
    reduction: Edge
    oxidation: Edge
    lithium: Reaction
    partners: Mapping[str, Reaction] = field(default_factory=dict)
    e_others: float = float("nan")

    def as_row(self) -> dict[str, float | str]:
        """Return one value for each column; NaN and empty texts for what was not computed."""
        row: dict[str, float | str] = {
            "e_form": self.e_form,
            "e_decomposition": self.e_decomposition,
            "decomposes_to": JOIN.join(self.decomposes_to),
        }
        for name, edge in (("reduction", self.reduction), ("oxidation", self.oxidation)):
            row |= {f"v_{name}": edge.volts, f"sd_{name}": edge.spread, f"{name}_set_by": edge.set_by}
            row |= {f"v_{name}_without": edge.volts_without, f"{name}_products": JOIN.join(edge.products)}
        row |= {"e_lithium": self.lithium.energy, "lithium_products": JOIN.join(self.lithium.products)}
        for name in PARTNERS:
            reaction = self.partners.get(name, NO_REACTION)
            row |= {f"e_{name}": reaction.energy, f"share_{name}": reaction.share}
            row[f"{name}_products"] = JOIN.join(reaction.products)
        return row


NOTHING = Assessment(float("nan"), float("nan"), (), NO_EDGE, NO_EDGE, NO_REACTION)


class Assessor:
    """Computes stabilities from one table of phases."""

    def __init__(self, table: PhaseTable, draws: int = 0, noise: float = 0.0, seed: int = 0) -> None:
        """Draw the noise of the energies once for each phase, so that the order of assessments changes nothing.

        Args:
            table: the phases.
            draws: number of draws.
            noise: standard deviation in eV/atom.
            seed: of the draws.
        """
        self.table = table
        self._noise = np.random.default_rng(seed).normal(0.0, noise, (draws, len(table))) if draws else None
        self._partner_energies: dict[str, float] = {}

    def assess(self, amounts: Mapping[str, float], depth: Depth = WITHOUT_DRAWS) -> Assessment:
        """Compute the stability of a composition.

        Args:
            amounts: of each element.
            depth: how much is computed.

        Raises:
            StabilityError: if it is an element, holds one without an energy, or has no competing phase.
        """
        if len(amounts) < 2:
            raise StabilityError(f"{''.join(amounts)} is an element; its stability is not a question of other phases")
        system = self.table.select_competitors(amounts)
        composition = system.vector(amounts)
        own = system.find(composition)
        others = find_equilibrium(system, composition, None if own is None else system.all_but(own))
        e_form = float("nan") if own is None else float(system.energies[own])
        energy = others.energy if own is None else e_form
        return Assessment(
            e_form,
            e_form - others.energy,
            others.list_phases(system),
            *self._find_window(system, composition, depth),
            react_with_lithium(system, composition, energy),
            {name: self._react(amounts, energy, name) for name in depth.partners},
            others.energy,
        )

    def _find_window(self, system: System, composition: Array, depth: Depth) -> tuple[Edge, Edge]:
        """Return both edges of the window."""
        noise = None
        if depth.draws and self._noise is not None:
            # elements define the zero of all energies
            noise = np.where(system.places >= 0, self._noise[:, system.places], 0.0)
        edges = []
        for side in (TAKES, GIVES):
            if side == GIVES and not composition[system.ion]:
                edges.append(NO_EDGE)
            elif depth.edges:
                edges.append(examine_edge(system, composition, side, noise))
            else:
                volts, equilibrium = find_edge(system, composition, side)
                edges.append(Edge(volts, equilibrium.list_phases(system)))
        return edges[0], edges[1]

    def _react(self, amounts: Mapping[str, float], energy: float, partner: str) -> Reaction:
        """Return the reaction with a partner; none known if its elements have no energies."""
        others = parse_formula(PARTNERS[partner])
        symbols = frozenset([*amounts, *others])
        if not symbols <= self.table.elements:
            return NO_REACTION
        if partner not in self._partner_energies:
            own = self.table.select_system(frozenset(others))
            self._partner_energies[partner] = find_equilibrium(own, own.vector(others)).energy
        system = self.table.select_system(symbols)
        known = self._partner_energies[partner]
        return react_with(system, system.vector(amounts), energy, system.vector(others), known)
