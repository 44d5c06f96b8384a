"""Graphs of sites in one file of arrays, without code."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from batterymi.errors import DamagedFileError
from batterymi.features.site_graphs import SiteGraph
from batterymi.files import PathLike, check_content, write_atomically

NODES = ("amounts", "ions", "multiplicity")
EDGES = ("centre", "neighbour", "distance", "count")


def write_graphs(path: PathLike, graphs: Mapping[int, SiteGraph]) -> None:
    """Write graphs by the line of their row; the same bytes for the same graphs."""
    lines = sorted(graphs)
    arrays: dict[str, NDArray[np.generic]] = {
        "lines": np.array(lines, dtype=np.int64),
        "nodes": np.array([len(graphs[line].ions) for line in lines], dtype=np.int64),
        "edges": np.array([len(graphs[line].distance) for line in lines], dtype=np.int64),
    }
    for name in (*NODES, *EDGES):
        parts = [getattr(graphs[line], name) for line in lines]
        arrays[name] = np.concatenate(parts) if parts else np.zeros(0)
    with write_atomically(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def read_graphs(path: PathLike) -> dict[int, SiteGraph]:
    """Read what `write_graphs` wrote.

    Raises:
        DamagedFileError: if the file is another, or damaged.
    """
    check_content(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("lines", "nodes", "edges", *NODES, *EDGES)}
        nodes, edges = np.cumsum(arrays["nodes"])[:-1], np.cumsum(arrays["edges"])[:-1]
        parts = {name: np.split(arrays[name], nodes) for name in NODES}
        parts |= {name: np.split(arrays[name], edges) for name in EDGES}
        return {
            int(line): SiteGraph(**{name: pieces[number] for name, pieces in parts.items()})
            for number, line in enumerate(arrays["lines"])
        }
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except Exception as error:  # whatever NumPy raises, this workflow did not write the file
        raise DamagedFileError(path, f"no graphs of sites ({type(error).__name__})") from None
