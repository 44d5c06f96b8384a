"""From graphs of Li compounds, one JSON file each, to the arrays of those that are an electrode."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.data.loaders.base import read_records
from batterymi.errors import TableError
from batterymi.features.formulas import identify_compositions, parse_formula
from batterymi.files import write_atomically
from batterymi.vocabulary.elements import SYMBOLS

logger = logging.getLogger(__name__)

NEEDED = "mp_electrodes"
COLUMNS = {
    "high_formula": "charged",
    "high_mpid": "charged_id",
    "low_formula": "discharged",
    "low_mpid": "discharged_id",
}
PREFIX, LETTERS = "mp-mp-", "abcdefghijklmnopqrstuvwxyz"
UNKNOWN = 0  # atomic number of elements for which the source has no property
SHORTEST = 1e-6  # Å


@dataclass(frozen=True)
class Graph:
    """The atoms of a compound and their neighbours.

    Attributes:
        number: of its id in the Materials Project.
        numbers: atomic numbers, shape (n_atoms,).
        positions: Cartesian, Å, shape (n_atoms, 3).
        edges: two atoms each, shape (n_edges, 2).
        distance: Å, shape (n_edges,).
    """

    number: int
    numbers: np.ndarray
    positions: np.ndarray
    edges: np.ndarray
    distance: np.ndarray


def derive_graphs(folder: Path, inputs: Mapping[str, Path], target: Path) -> None:
    """Write the graphs of all compounds that are one side of an electrode, by id or by composition.

    The source writes 0 for the number of an element for which it lacks a property. Where exactly one element of the
    electrode's formula is missing it is that one; other such graphs are left out, as are those with edges of no length.

    Args:
        folder: holds the JSON files.
        inputs: the folder of mp_electrodes.
        target: .npz file to write, in order of ids.

    Raises:
        TableError: if a file is not one of these graphs, or none is of an electrode.
    """
    electrodes = read_records(inputs[NEEDED] / "electrodes.csv", COLUMNS)
    by_id = _map_ids(electrodes)
    compositions = set(identify_compositions(by_id.values()))
    compositions |= set(identify_compositions(pd.concat([electrodes["charged"], electrodes["discharged"]]).unique()))
    kept = sorted(_select_graphs(read_graphs(folder), by_id, compositions), key=lambda graph: graph.number)
    if not kept:
        raise TableError(f"{folder}: no graph is of an electrode of {NEEDED}")
    arrays: dict[str, np.ndarray] = {
        "material_id": np.array([f"mp-{graph.number}" for graph in kept], dtype="<U10"),
        "n_atoms": np.array([len(graph.numbers) for graph in kept], dtype=np.int16),
        "n_edges": np.array([len(graph.distance) for graph in kept], dtype=np.int32),
        "z": np.concatenate([graph.numbers for graph in kept]).astype(np.uint8),
        "position_a": np.concatenate([graph.positions for graph in kept]).astype(np.float32),
        "edges": np.concatenate([graph.edges for graph in kept]).astype(np.uint8),
        "distance_a": np.concatenate([graph.distance for graph in kept]).astype(np.float32),
    }
    with write_atomically(target) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    logger.info("%d graphs of electrodes", len(kept))


def read_graphs(folder: Path) -> Iterator[Graph]:
    """Yield the graphs of a folder in order of their file names.

    Raises:
        TableError: naming the file and what is wrong.
    """
    for path in sorted(folder.glob(f"{PREFIX}*.json")):
        try:
            yield _make_graph(decode_id(path.stem.removeprefix(PREFIX)), json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise TableError(f"{path}: not a graph of a compound ({type(error).__name__}: {error})") from None


def decode_id(text: str) -> int:
    """Return the number of an id that is written in letters, as aaaaaaff for 135: digits to the base 26.

    Raises:
        ValueError: if there is another sign.
    """
    number = 0
    for letter in text:
        number = 26 * number + LETTERS.index(letter)
    return number


def _make_graph(number: int, content: Mapping[str, Any]) -> Graph:
    """Return a graph, or raise a ValueError."""
    features = np.array(content["node_features"], dtype=float)
    numbers, edges = np.rint(features[:, 0]).astype(int), np.array(content["edge_index"], dtype=int).reshape(-1, 2)
    positions, distance = np.array(content["pos"], dtype=float), np.array(content["edge_features"], dtype=float)
    distance = distance.reshape(len(edges), -1)[:, 0] if len(edges) else np.zeros(0)
    n = len(numbers)
    if positions.shape != (n, 3) or content["num_nodes"] != n:
        raise ValueError(f"{n} atoms, and positions of shape {positions.shape}")
    if len(edges) and (edges.min() < 0 or edges.max() >= n):
        raise ValueError(f"a neighbour is none of its {n} atoms")
    if numbers.min() < 0 or numbers.max() > len(SYMBOLS) or not np.isfinite(distance).all():
        raise ValueError("an atomic number or a distance is none")
    return Graph(number, numbers, positions, edges, distance)


def _map_ids(electrodes: pd.DataFrame) -> dict[int, str]:
    """Return the formula of each compound that is a side of an electrode, by the number of its id."""
    found: dict[int, str] = {}
    for side in ("charged", "discharged"):
        for formula, name in zip(electrodes[side], electrodes[f"{side}_id"], strict=True):
            digits = name.removeprefix("mp-")
            if digits.isdecimal():
                found[int(digits)] = formula
    return found


def _select_graphs(graphs: Iterable[Graph], by_id: Mapping[int, str], compositions: set[bytes]) -> Iterator[Graph]:
    """Yield the graphs of electrodes, with the one element that is missing filled in."""
    for graph in graphs:
        if len(graph.distance) and graph.distance.min() < SHORTEST:
            continue
        formula = by_id.get(graph.number)
        numbers = graph.numbers
        if (numbers == UNKNOWN).any():
            missing = _find_missing(numbers, formula)
            if missing is None:
                continue
            numbers = np.where(numbers == UNKNOWN, missing, numbers)
        written = _write_formula(numbers)
        is_same = identify_compositions([written, formula or written])
        if is_same[0] == is_same[1] and is_same[0] in compositions:
            yield Graph(graph.number, numbers, graph.positions, graph.edges, graph.distance)


def _find_missing(numbers: np.ndarray, formula: str | None) -> int | None:
    """Return the one element of a formula that no known atom is of; None unless there is exactly one."""
    if formula is None:
        return None
    missing = [symbol for symbol in parse_formula(formula) if SYMBOLS.index(symbol) + 1 not in numbers]
    return SYMBOLS.index(missing[0]) + 1 if len(missing) == 1 else None


def _write_formula(numbers: np.ndarray) -> str:
    """Return the formula of some atoms."""
    found, counts = np.unique(numbers, return_counts=True)
    return "".join(f"{SYMBOLS[number - 1]}{count}" for number, count in zip(found, counts, strict=True))
