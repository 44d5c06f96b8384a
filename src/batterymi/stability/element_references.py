"""Energies of the elements in the terms of a potential, fitted so that its energies become formation energies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array
from batterymi.stability.phases import StabilityError

LEAST = 5  # structures with an element, below which its reference is refused
PRIOR = 1e-4  # weight of a reference of 0, so that elements that always come together get one


@dataclass(frozen=True)
class References:
    """Energies of elements.

    Attributes:
        energies: eV/atom, by symbol.
        counts: structures with the element, by symbol.
    """

    energies: Mapping[str, float]
    counts: Mapping[str, int]

    def find_formation_energy(self, amounts: Mapping[str, float], energy: float) -> float:
        """Return the formation energy of a composition in eV/atom.

        Args:
            amounts: of each element.
            energy: by the potential, eV/atom.

        Raises:
            StabilityError: if too few structures held one of the elements.
        """
        if rare := [symbol for symbol in sorted(amounts) if self.counts.get(symbol, 0) < LEAST]:
            found = ", ".join(f"{self.counts.get(symbol, 0)} with {symbol}" for symbol in rare)
            raise StabilityError(f"too few structures to fit the reference of an element: {found}; {LEAST} are needed")
        total = sum(amounts.values())
        return energy - sum(amount * self.energies[symbol] for symbol, amount in amounts.items()) / total


def fit_references(compositions: Sequence[Mapping[str, float]], energies: Array, formation: Array) -> References:
    """Fit the energies of the elements by least squares.

    Args:
        compositions: amounts of each element, n of them.
        energies: by the potential, eV/atom, shape (n,).
        formation: known formation energies, eV/atom, shape (n,).
    """
    symbols = sorted({symbol for amounts in compositions for symbol in amounts})
    place = {symbol: column for column, symbol in enumerate(symbols)}
    fractions = np.zeros((len(compositions), len(symbols)))
    for row, amounts in enumerate(compositions):
        for symbol, amount in amounts.items():
            fractions[row, place[symbol]] = amount / sum(amounts.values())
    normal = fractions.T @ fractions + PRIOR * np.eye(len(symbols))
    values = np.linalg.solve(normal, fractions.T @ (energies - formation))
    counts = (fractions > 0).sum(axis=0)
    return References(
        dict(zip(symbols, values.tolist(), strict=True)), dict(zip(symbols, counts.tolist(), strict=True))
    )
