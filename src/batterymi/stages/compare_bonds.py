"""The stage `compare_bonds`: held-out voltages with and without bonds of the structure, by one partition."""

import logging
from pathlib import Path

from batterymi.data.loaders.mp_li_electrode_graphs import load_electrode_structures
from batterymi.files import write_json, write_parquet
from batterymi.surrogates.bond_gain import predict_voltages

logger = logging.getLogger(__name__)


def compare_bonds(graphs: Path, electrodes: Path, predictions: Path, times: Path, kind: str, partition: str) -> None:
    """Predict voltages of hosts in chemical systems that no model has learned from.

    Args:
        graphs: receipt of the data set mp_li_electrode_graphs.
        electrodes: receipt of the data set mp_electrodes.
        predictions: Parquet to write: a column for each candidate.
        times: JSON to write: counts, and the processor time of each candidate.
        kind: trees, network, or control.
        partition: its number, from 1.
    """
    known = load_electrode_structures(graphs.parent, electrodes.parent)
    logger.info("%d electrodes with a structure by id", len(known.rows))
    found, seconds = predict_voltages(known, kind, int(partition))
    write_parquet(predictions, found)
    counts = {"rows": len(known.rows), "systems": int(known.rows["host_system"].nunique())}
    write_json(times, {"partition": int(partition), "cpu_seconds": seconds, **counts})
