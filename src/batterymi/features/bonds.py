"""Statistics of the bonds of crystals whose neighbours are listed, without their lattice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.features.electrode import CENTRES, REDOX
from batterymi.features.occupancy import get_mobile_ion
from batterymi.features.site_graphs import NEAREST, SiteGraph, join_sites
from batterymi.features.site_records import N_ELEMENTS, Neighbours, SiteRecord
from batterymi.vocabulary.elements import SYMBOLS

ION, ANION, METAL, CENTRE, OTHER = range(5)
KINDS = {ION: "ion", ANION: "anion", METAL: "metal", CENTRE: "centre"}
ANIONS = ("O", "F", "Cl", "Br", "I", "S", "Se", "Te", "N")
BONDS = ((ION, ANION), (METAL, ANION), (CENTRE, ANION))
STATISTICS = ("mean", "std", "min", "max")


@dataclass(frozen=True, eq=False)
class BondedAtoms:
    """Atoms of one unit cell and their neighbours, both directions listed.

    Attributes:
        numbers: atomic numbers, shape (n_atoms,).
        edges: two atoms each, shape (n_edges, 2).
        distance: Å, periodic, shape (n_edges,).
    """

    numbers: Indices
    edges: Indices
    distance: Array


def describe_bonds(structures: Sequence[BondedAtoms], ion: str) -> pd.DataFrame:
    """Describe bond lengths, coordination numbers and how far bonds are from those of the same elements elsewhere.

    A residual is a bond's length less the mean length between the two elements over all structures given; of a metal
    it says how oxidised it is. No target is used.

    Args:
        structures: n_structures; those of the rows that are compared.
        ion: symbol of the working ion.

    Returns:
        Shape (n_structures, n_columns); NaN of a kind of bond that a structure does not have.
    """
    bonds, atoms = _list_bonds(structures, _classify(ion)), _list_atoms(structures, _classify(ion))
    pair = bonds["first"] * (N_ELEMENTS + 1) + bonds["second"]
    bonds["residual"] = bonds["distance"] - bonds["distance"].groupby(pair).transform("mean")
    columns: dict[str, pd.Series] = {}
    for first, second in BONDS:
        chosen = bonds[(bonds["kind"] == first) & (bonds["other"] == second)]
        for value in ("distance", "residual"):
            grouped = chosen.groupby("structure")[value]
            for statistic in STATISTICS:
                columns[f"{KINDS[first]}-{KINDS[second]} {value} {statistic}"] = _summarise(grouped, statistic)
    for kind, name in KINDS.items():
        grouped = atoms[atoms["kind"] == kind].groupby("structure")["coordination"]
        for statistic in ("mean", "std"):
            columns[f"{name} coordination {statistic}"] = _summarise(grouped, statistic)
    return pd.DataFrame(columns).reindex(range(len(structures)))


def make_bond_graph(structure: BondedAtoms) -> SiteGraph:
    """Return the graph of a structure's sites for a network; equivalent atoms are one node.

    Raises:
        ValueError: if it has no atoms.
    """
    amounts = np.zeros((len(structure.numbers), N_ELEMENTS))
    amounts[np.arange(len(amounts)), structure.numbers - 1] = 1.0
    # the cell is unknown, and nothing below needs it
    record = SiteRecord(np.eye(3), np.zeros((len(amounts), 3)), amounts)
    kept = structure.distance >= NEAREST
    pairs = Neighbours(structure.edges[kept, 0], structure.edges[kept, 1], structure.distance[kept])
    return join_sites(record, pairs, get_mobile_ion(record))


def fill_unknown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return descriptors with the mean of a column where a row has none, and 0 where no row has."""
    return frame.fillna(frame.mean()).fillna(0.0)


def _classify(ion: str) -> Mapping[int, int]:
    """Return the kind of each atomic number."""
    kinds = dict.fromkeys(range(1, len(SYMBOLS) + 1), OTHER)
    for kind, symbols in ((CENTRE, CENTRES), (ANION, ANIONS), (METAL, REDOX), (ION, (ion,))):
        kinds |= {SYMBOLS.index(symbol) + 1: kind for symbol in symbols}
    return kinds


def _list_atoms(structures: Sequence[BondedAtoms], kinds: Mapping[int, int]) -> pd.DataFrame:
    """Return one row per atom: structure, kind, coordination."""
    numbers = np.concatenate([structure.numbers for structure in structures])
    coordination = [np.bincount(s.edges[:, 0], minlength=len(s.numbers)) for s in structures]
    owner = np.repeat(np.arange(len(structures)), [len(structure.numbers) for structure in structures])
    kind = pd.Series(numbers).map(kinds).to_numpy()
    return pd.DataFrame({"structure": owner, "kind": kind, "coordination": np.concatenate(coordination).astype(float)})


def _list_bonds(structures: Sequence[BondedAtoms], kinds: Mapping[int, int]) -> pd.DataFrame:
    """Return one row per bond and direction: structure, elements and kinds of both ends, distance."""
    ends = [structure.numbers[structure.edges] for structure in structures]
    joined = np.concatenate(ends).reshape(-1, 2)
    owner = np.repeat(np.arange(len(structures)), [len(pairs) for pairs in ends])
    frame = pd.DataFrame({"structure": owner, "first": joined[:, 0], "second": joined[:, 1]})
    frame["kind"], frame["other"] = frame["first"].map(kinds), frame["second"].map(kinds)
    return frame.assign(distance=np.concatenate([structure.distance for structure in structures]).astype(float))


def _summarise(grouped: "pd.api.typing.SeriesGroupBy", statistic: str) -> pd.Series:
    """Return one statistic of each group; the standard deviation is that of the population, 0 of a single bond."""
    return grouped.std(ddof=0) if statistic == "std" else grouped.agg(statistic)
