"""The stage `read_structures`: structures of a data set's rows, their descriptors and graphs."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.config.slices.structures import ReadingSettings
from batterymi.data.structure_archive import find_structures
from batterymi.features.bottlenecks import describe_bottlenecks
from batterymi.features.graph_files import write_graphs
from batterymi.features.occupancy import describe_occupancy
from batterymi.features.site_graphs import make_site_graph
from batterymi.files import read_frame, write_csv, write_json
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def read_structures(
    table: Path, receipt: Path, graphs: Path, described: Path, report: Path, settings: ReadingSettings
) -> None:
    """Read the structures of the rows that are learned from; rows of an official test split stay closed.

    Args:
        table: the study's table.
        receipt: of the data set, beside which the archive lies.
        graphs: arrays to write: the graph of each structure.
        described: CSV to write: source of each row, and descriptors of its occupancy and bottlenecks.
        report: JSON to write: counts, and what is wrong with which file.
        settings: where structures are.
    """
    rows = read_frame(table, needs=["line", SPLIT])
    rows = rows[rows[SPLIT] == TRAIN].reset_index(drop=True)
    found = find_structures(rows, receipt.parent / settings.structures.archive, settings.structures)
    by_line = {line: make_site_graph(record) for line, record in sorted(found.records.items())}
    described_sites = pd.DataFrame(
        [
            {"line": line, **describe_occupancy(record), **describe_bottlenecks(record)}
            for line, record in found.records.items()
        ]
    )
    for fault in found.faults:
        logger.warning("%s", fault)
    counts = found.rows["source"].value_counts()
    write_graphs(graphs, by_line)
    write_csv(described, found.rows.merge(described_sites, on="line", how="left"))
    write_json(
        report,
        {
            "rows": len(rows),
            "sources": {str(name): int(count) for name, count in counts.items()},
            "sites": sum(len(record) for record in found.records.values()),
            "nodes": sum(len(graph.ions) for graph in by_line.values()),
            "edges": sum(len(graph.distance) for graph in by_line.values()),
            "faults": found.faults,
        },
    )
    logger.info("%s of %d rows", ", ".join(f"{count} {name}" for name, count in counts.items()), len(rows))
