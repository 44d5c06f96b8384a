"""The stage `compute_cell_facts`: energies, costs and ranges of cells from sourced inputs, for the chapter's claims."""

import logging
from pathlib import Path

from batterymi.config.sources import ElectrodeRows
from batterymi.costing.cells import check_inputs
from batterymi.costing.facts import compute_facts
from batterymi.costing.hosts import compare_ions
from batterymi.costing.inputs import load_inputs, load_prices
from batterymi.data.loaders.mp_electrodes import load_rows
from batterymi.files import write_csv, write_json

logger = logging.getLogger(__name__)
IONS = ("Na", "Li")


def compute_cell_facts(electrodes: Path | None, facts: Path, table: Path) -> None:
    """Write every fact with the inputs that it rests on, and whether their values were read in their sources.

    Args:
        electrodes: receipt of the data set `mp_electrodes`, for hosts that have both ions; None where data sets are not
            used.
        facts: JSON to write, by subject; `hosts` is null without data sets.
        table: CSV to write: one row for each fact.
    """
    inputs = load_inputs()
    check_inputs(inputs)
    found = compute_facts(inputs, load_prices())
    hosts = None
    if electrodes is not None:
        rows = load_rows(electrodes.parent, ElectrodeRows(name="mp_electrodes", ions=IONS))
        hosts = compare_ions(rows.frame, *IONS)
    write_json(facts, found.as_content() | {"hosts": hosts})
    frame = found.as_frame()
    write_csv(table, frame)
    logger.info(
        "%d facts, %d of them on inputs that were all read in their sources", len(frame), frame["checked"].sum()
    )
