"""The stage `assess_stability`: quick numbers of the formulas of one shard."""

import logging
from pathlib import Path

from batterymi.files import read_frame, write_parquet
from batterymi.progress import make_report
from batterymi.stability.assess import Assessor
from batterymi.stability.phases import PHASE_COLUMNS, PhaseTable
from batterymi.stability.screen import assess_quickly

logger = logging.getLogger(__name__)


def assess_stability(phases: Path, formulas: Path, assessed: Path) -> None:
    """Compute hull distance, window, and the reactions with lithium, one cathode and water of every formula of a shard.

    Args:
        phases: formation energies of all compounds.
        formulas: the shard.
        assessed: Parquet to write: one row for each formula.
    """
    assessor = Assessor(PhaseTable(read_frame(phases, PHASE_COLUMNS)))
    found = assess_quickly(read_frame(formulas, ["formula", "system"]), assessor, make_report("formulas"))
    write_parquet(assessed, found)
    logger.info("%d formulas", len(found))
