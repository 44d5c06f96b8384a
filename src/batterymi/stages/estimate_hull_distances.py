"""The stage `estimate_hull_distances`: hull distances by CHGNet of the structures of one shard."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.config.slices.stability import EstimateSettings
from batterymi.data.structure_archive import read_archive
from batterymi.files import read_frame, read_json, write_csv
from batterymi.progress import make_report
from batterymi.stability.assess import Assessor
from batterymi.stability.element_references import References
from batterymi.stability.hull_estimate import ESTIMATED, Estimator, estimate_records
from batterymi.stability.phases import PHASE_COLUMNS, PhaseTable
from batterymi.stability.potential import open_potential

logger = logging.getLogger(__name__)


def estimate_hull_distances(
    table: Path,
    receipt: Path,
    phases: Path,
    references: Path,
    estimates: Path,
    settings: EstimateSettings,
    shard: str,
) -> None:
    """Estimate the hull distance of each structure; where CHGNet is not installed, write none.

    Only formulas and structures of the table are read, no objective, so that rows of a test split give nothing away.

    Args:
        table: the study's table.
        receipt: of the data set, beside which the archive of CIF files lies.
        phases: formation energies of all compounds.
        references: of the elements, or why there are none.
        estimates: CSV to write: a row for each structure, with its estimate or why there is none.
        settings: where structures are, and the largest cell.
        shard: number and count, as 2-of-4.
    """
    known = read_json(references, ["skipped"])
    potential = open_potential()
    reason = known["skipped"] or (potential if isinstance(potential, str) else "")
    if reason or isinstance(potential, str):
        logger.warning("skipped: %s", reason)
        write_csv(estimates, pd.DataFrame(columns=list(ESTIMATED)))
        return
    rows = read_frame(table, [settings.structures.name_column, settings.formula_column])
    formulas = dict(zip(rows[settings.structures.name_column].astype(str), rows[settings.formula_column], strict=True))
    place, count = (int(part) for part in shard.split("-of-"))
    names = set(sorted(formulas)[place - 1 :: count])
    archive = read_archive(receipt.parent / settings.structures.archive, names)
    records = [(name, formulas[name], read) for name, read in archive]
    assessor = Assessor(PhaseTable(read_frame(phases, PHASE_COLUMNS)))
    fitted = References(known["energies"], known["counts"])
    report = make_report("structures")
    found = estimate_records(records, Estimator(potential, fitted, assessor, settings.hull_estimates), report)
    write_csv(estimates, found)
    logger.info("%d structures, %d estimated", len(found), (found["problem"] == "").sum())
