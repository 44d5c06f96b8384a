"""Graphs of crystal sites for neural networks: equivalent sites are one node, and equal neighbours one edge.

Sites are equivalent if they hold the same and their neighbours do at the same distances, and so on outwards. What a
network with a few rounds of messages makes of such a node is what it makes of each of its sites, so nothing is lost;
a cell of a few hundred sites becomes ten or twenty nodes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.features.occupancy import get_mobile_ion
from batterymi.features.site_records import Neighbours, SiteRecord, find_neighbours, make_record
from batterymi.features.structures import StructureError, read_structure
from batterymi.vocabulary.arguments import GRAPH_COLUMN

RADIUS = 4.5  # Å; messages fade out towards it
NEAREST = 0.5  # Å; nearer sites are one atom in several places, not neighbours
SAME_DISTANCE = 0.01  # Å
SAME_SURROUNDINGS = 0.05  # of neighbours, weighted by their distance
CENTRES = np.arange(0.5, RADIUS + 0.25, 0.5)  # Å, of the bins that surroundings are compared in
WIDTH = 0.4  # Å
MOST_ROUNDS = 6
LEAST_CONTENT = 1e-3  # atoms, by which the contents of two sites differ


@dataclass(frozen=True, eq=False)
class SiteGraph:
    """Kinds of sites of a cell, and their neighbours.

    Attributes:
        amounts: atoms of each element on a site of each kind, shape (n_nodes, n_elements).
        ions: of them, those of the mobile ion, shape (n_nodes,).
        multiplicity: sites of each kind, as a share of all, shape (n_nodes,).
        centre: node of each edge, shape (n_edges,).
        neighbour: the node at its other end, shape (n_edges,).
        distance: Å, shape (n_edges,).
        count: how many such neighbours one site has, shape (n_edges,).
    """

    amounts: Array
    ions: Array
    multiplicity: Array
    centre: Indices
    neighbour: Indices
    distance: Array
    count: Array


def list_site_graphs(*, structure: pd.Series) -> pd.DataFrame:
    """Read the graph of a crystal's sites from CIF files, which the model `graph_net` learns from and no other.

    A node is a kind of site with its elements and their occupancies, an edge a distance to neighbours of a kind within
    4.5 Å.

    Args:
        structure: paths of CIF files.

    Returns:
        One column of `SiteGraph`.
    """
    known: dict[str, SiteGraph] = {}
    for path in structure.unique():
        try:
            known[path] = make_site_graph(make_record(read_structure(path).structure))
        except StructureError as error:
            raise StructureError(f"{path}: {error}") from None
    return pd.DataFrame({GRAPH_COLUMN: pd.Series([known[path] for path in structure], structure.index, dtype=object)})


def make_site_graph(record: SiteRecord, *, merges: bool = True) -> SiteGraph:
    """Return the graph of a record.

    Args:
        record: the sites.
        merges: whether equivalent sites are one node.
    """
    return join_sites(record, find_neighbours(record, RADIUS, NEAREST), get_mobile_ion(record), merges=merges)


def join_sites(record: SiteRecord, pairs: Neighbours, ions: Array, *, merges: bool = True) -> SiteGraph:
    """Return the graph of sites whose neighbours are known.

    Args:
        record: the sites; of them what they hold is used.
        pairs: their neighbours.
        ions: of the mobile ion on each site, shape (n_sites,).
        merges: whether equivalent sites are one node.
    """
    kinds = find_equivalent_sites(record, pairs) if merges else np.arange(len(record))
    first = np.unique(kinds, return_index=True)[1]
    is_first = np.zeros(len(record), dtype=bool)
    is_first[first] = True
    kept = is_first[pairs.centre]
    ends = kinds[pairs.centre[kept]], kinds[pairs.neighbour[kept]]
    centre, neighbour, distance, count = _join_edges(*ends, pairs.distance[kept])
    return SiteGraph(
        record.amounts[first],
        ions[first],
        np.bincount(kinds) / len(record),
        centre,
        neighbour,
        distance,
        count,
    )


def find_equivalent_sites(record: SiteRecord, pairs: Neighbours) -> Indices:
    """Return the number of the kind of each site, from 0, shape (n_sites,).

    Sites start as one kind if they hold the same, and are split by their neighbours of each kind until nothing changes
    (colour refinement). Distances are compared in smooth bins, so that rounded coordinates make no difference.
    """
    kinds = _split_kinds(np.zeros(len(record), dtype=np.intp), record.amounts, LEAST_CONTENT)
    near = np.exp(-0.5 * ((pairs.distance[:, None] - CENTRES) / WIDTH) ** 2) * fade_out(pairs.distance)[:, None]
    for _ in range(MOST_ROUNDS):
        n_kinds = int(kinds.max()) + 1
        found = np.zeros((len(record), n_kinds, len(CENTRES)))
        np.add.at(found, (pairs.centre, kinds[pairs.neighbour]), near)
        kinds = _split_kinds(kinds, found.reshape(len(record), -1), SAME_SURROUNDINGS)
        if int(kinds.max()) + 1 == n_kinds:
            break
    return kinds


def fade_out(distance: Array) -> Array:
    """Return a weight that falls smoothly from 1 to 0 at the radius of neighbours."""
    return np.asarray(0.5 * (np.cos(np.pi * np.minimum(distance / RADIUS, 1.0)) + 1))


def _split_kinds(kinds: Indices, values: Array, tolerance: float) -> Indices:
    """Split each kind into those whose values differ by no more than a tolerance from those of its first site."""
    split = np.full(len(kinds), -1, dtype=np.intp)
    number = 0
    while (left := np.flatnonzero(split < 0)).size:
        first = left[0]
        alike = left[kinds[left] == kinds[first]]
        alike = alike[np.abs(values[alike] - values[first]).max(axis=1) <= tolerance]
        split[alike] = number
        number += 1
    return split


def _join_edges(centre: Indices, neighbour: Indices, distance: Array) -> tuple[Indices, Indices, Array, Array]:
    """Join edges between the same nodes at the same distance, with the mean of it and their number."""
    order = np.lexsort((distance, neighbour, centre))
    centre, neighbour, distance = centre[order], neighbour[order], distance[order]
    if not len(order):
        return centre, neighbour, distance, np.zeros(0)
    is_new = np.ones(len(order), dtype=bool)
    same = (np.diff(centre) == 0) & (np.diff(neighbour) == 0)
    is_new[1:] = ~(same & (np.diff(distance) <= SAME_DISTANCE))
    starts = np.flatnonzero(is_new)
    count = np.diff(np.append(starts, len(order))).astype(float)
    return centre[starts], neighbour[starts], np.add.reduceat(distance, starts) / count, count
