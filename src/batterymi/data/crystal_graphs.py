"""Computed crystals as graphs of their sites, with formation energies, without the compositions of a study."""

import logging
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.structures import GraphPretraining
from batterymi.data.loaders.base import make_composition_key
from batterymi.data.loaders.mp_structures import load_structures
from batterymi.features.site_graphs import SiteGraph, make_site_graph
from batterymi.features.site_records import make_record
from batterymi.features.structures import IONS
from batterymi.progress import make_report

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ComputedCrystals:
    """What a network over sites is pre-trained on.

    Attributes:
        rows: columns material_id, formula (of the cell) and e_form (eV/atom), one row per graph.
        graphs: of their sites.
        counts: of crystals, by what became of them.
    """

    rows: pd.DataFrame
    graphs: list[SiteGraph]
    counts: dict[str, int]


def read_crystals(
    folder: Path, small: Path, measured: Collection[str], settings: GraphPretraining, seed: int
) -> ComputedCrystals:
    """Read crystals of other compositions than those of a study.

    Args:
        folder: holds the files of mp_structures.
        small: holds the file of mp20_mini.
        measured: keys of the study's compositions, as `make_composition_key` returns them.
        settings: the largest cell, and how many crystals; those with the ion that studies are of come first.
        seed: of the choice among the others.

    Raises:
        TableError: if a file is missing, or not the one expected.
    """
    known = load_structures(folder, small, None, settings.largest_cell)
    has_energy = known["e_form"].notna()
    is_measured = known["formula"].map(make_composition_key).isin(set(measured))
    usable = known[has_energy & ~is_measured].reset_index(drop=True)
    holds_ion = usable["formula"].str.contains(rf"{IONS[0]}(?![a-z])").to_numpy()
    order = np.lexsort((np.random.default_rng(seed).random(len(usable)), ~holds_ion))
    chosen = usable.iloc[np.sort(order[: settings.most])].reset_index(drop=True)
    logger.info("%d of %d crystals, %d left out for their composition", len(chosen), len(known), is_measured.sum())
    graphs, kept, report = [], [], make_report("crystals")
    for place, text in enumerate(chosen["cif"]):
        graph = _read_graph(str(text))
        if isinstance(graph, SiteGraph):
            graphs.append(graph)
            kept.append(place)
        else:
            logger.warning("%s: left out: %s", chosen["material_id"][place], graph)
        report(place + 1, len(chosen))
    rows = chosen.iloc[kept][["material_id", "formula", "e_form"]].reset_index(drop=True)
    counts = {
        "crystals": len(known),
        "without_energy": int((~has_energy).sum()),
        "left_out_for_composition": int((has_energy & is_measured).sum()),
        "unreadable": len(chosen) - len(kept),
        "taken": len(rows),
        f"taken_with_{IONS[0]}": int(rows["formula"].str.contains(rf"{IONS[0]}(?![a-z])").sum()),
        "nodes": sum(len(graph.ions) for graph in graphs),
        "edges": sum(len(graph.distance) for graph in graphs),
    }
    return ComputedCrystals(rows, graphs, counts)


def _read_graph(text: str) -> SiteGraph | str:
    """Return the graph of a CIF text, or what is wrong with it."""
    from pymatgen.core import Structure

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rounded coordinates, in files that the same library wrote
            return make_site_graph(make_record(Structure.from_str(text, fmt="cif")))
    except Exception as error:  # whatever the library raises, the text is no crystal
        return f"no crystal ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason'})"
