"""Phases that compete: the lowest formation energy of each composition, by chemical system."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.errors import BatteryMIError
from batterymi.features.formulas import parse_formulas
from batterymi.vocabulary.elements import INDEX, SYMBOLS

ION = "Li"  # of the electrolytes, and of the metal against which voltages are given
MATBENCH, CRITEXAM, BOTH = "matbench", "critexam", "both"
SOURCES = {MATBENCH: ("e_form",), CRITEXAM: ("e_form_critexam",), BOTH: ("e_form", "e_form_critexam")}
PHASE_COLUMNS = ("formula", "system", "e_form", "e_form_critexam")
SAME = 1e-6  # of atomic fractions: two formulas of one composition


class StabilityError(BatteryMIError):
    """A composition whose stability cannot be computed."""


@dataclass(frozen=True)
class System:
    """The phases of a chemical system, elements first.

    Attributes:
        symbols: its elements, in alphabetical order.
        names: formulas of the phases, shape (n_phases,).
        energies: formation energies in eV/atom, 0 of elements, shape (n_phases,).
        fractions: atomic fractions, shape (n_elements, n_phases).
        places: row of each phase in the table, -1 of elements, shape (n_phases,).
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    energies: Array
    fractions: Array
    places: np.ndarray

    @property
    def ion(self) -> int:
        """Return the row of lithium in `fractions`."""
        return self.symbols.index(ION)

    def vector(self, amounts: Mapping[str, float]) -> Array:
        """Return the atomic fractions of a composition, shape (n_elements,); its elements must be of the system."""
        values = np.array([amounts.get(symbol, 0.0) for symbol in self.symbols])
        fractions: Array = values / values.sum()
        return fractions

    def find(self, fractions: Array) -> int | None:
        """Return the position of the phase of a composition, None if there is none."""
        close = np.flatnonzero(np.abs(self.fractions - fractions[:, None]).max(axis=0) < SAME)
        # the lowest, where two formulas are the same but for rounding
        return int(close[np.argmin(self.energies[close])]) if len(close) else None

    def all_but(self, place: int) -> Mask:
        """Return a mask of all phases but one, shape (n_phases,)."""
        return np.arange(len(self.energies)) != place


class PhaseTable:
    """Phases with their formation energies; systems are put together when they are needed."""

    def __init__(self, frame: pd.DataFrame, source: str = MATBENCH, within: Collection[str] = ()) -> None:
        """Take the phases that a source of energies has.

        Args:
            frame: columns formula, system, e_form and e_form_critexam, as `load_formation_energies` returns.
            source: key of `SOURCES`; of two energies of one formula the lower counts.
            within: elements, if systems of others will not be selected; their phases need not be read then.
        """
        energies = frame[list(SOURCES[source])].min(axis=1)
        known = energies.notna()
        systems = {system: frozenset(system.split("-")) for system in frame.loc[known, "system"].unique()}
        self.elements: frozenset[str] = frozenset().union(*systems.values())  # others have no energy here
        if within:
            chosen = [system for system, symbols in systems.items() if symbols.issubset(within)]
            known &= frame["system"].isin(chosen)
        self.formulas: list[str] = frame.loc[known, "formula"].tolist()
        self.energies: Array = energies[known].to_numpy(float)
        self._rows = frame.loc[known].groupby("system").indices
        self._compositions = parse_formulas(self.formulas)
        self._counts, self._fractions = self._compositions.counts, self._compositions.fractions
        self._systems: dict[tuple[str, ...], System] = {}

    def __len__(self) -> int:
        """Return the number of compounds."""
        return len(self.formulas)

    def select_system(self, symbols: frozenset[str]) -> System:
        """Return the phases made of some elements, those elements included.

        Raises:
            StabilityError: if no compound of the table holds one of the elements.
        """
        ordered = tuple(sorted(symbols))
        if ordered not in self._systems:
            if lacking := [symbol for symbol in ordered if symbol not in self.elements]:
                raise StabilityError(
                    f"no phase with {' or '.join(lacking)} has an energy; the table knows {len(self.elements)} elements"
                )
            self._systems[ordered] = self._build_system(ordered)
        return self._systems[ordered]

    def select_competitors(self, symbols: Iterable[str]) -> System:
        """Return the phases made of the elements of an electrolyte and of lithium.

        Raises:
            StabilityError: if an element has no energy, or there is no compound among these phases.
        """
        system = self.select_system(frozenset([*symbols, ION]))
        if len(system.names) == len(system.symbols):
            raise StabilityError(f"no competing phase: the table has no compound of {', '.join(system.symbols)}")
        return system

    def is_listed(self, amounts: Mapping[str, float]) -> bool:
        """Return whether the table has an entry of a composition.

        Raises:
            StabilityError: if no compound of the table holds one of its elements.
        """
        system = self.select_system(frozenset(amounts))
        return system.find(system.vector(amounts)) is not None

    def forget_systems(self) -> None:
        """Free the systems that were built, which a long run over many of them need not keep."""
        self._systems.clear()

    def _build_system(self, symbols: tuple[str, ...]) -> System:
        """Put the phases of a system together, subsystems from small to large."""
        subsets = (subset for size in range(2, len(symbols) + 1) for subset in combinations(symbols, size))
        found = [self._rows[key] for subset in subsets if (key := "-".join(subset)) in self._rows]
        places = np.concatenate([np.full(len(symbols), -1), *found]).astype(np.intp)
        n_elements, taken = len(symbols), places[len(symbols) :]
        compositions = self._compositions
        counts = self._counts[taken]
        columns = np.repeat(np.arange(len(taken)), counts)
        # entries of the chosen phases, one run of them after the other
        entries = np.arange(len(columns)) + np.repeat(compositions.starts[taken] - np.cumsum(counts) + counts, counts)
        row_of = np.zeros(len(SYMBOLS), dtype=np.intp)
        row_of[[INDEX[symbol] for symbol in symbols]] = np.arange(n_elements)
        rows = row_of[compositions.elements[entries]]
        fractions = np.zeros((n_elements, len(places)))
        fractions[:, :n_elements] = np.eye(n_elements)
        fractions[rows, columns + n_elements] = self._fractions[entries]
        names = (*symbols, *(self.formulas[place] for place in taken.tolist()))
        return System(symbols, names, np.concatenate([np.zeros(n_elements), self.energies[taken]]), fractions, places)
