"""The stage `assess_stability`: windows and reactions of the formulas of one shard."""

import logging
from pathlib import Path

from batterymi.config.slices.stability import AssessmentSettings
from batterymi.files import read_frame, write_parquet
from batterymi.stability.assess import Assessor
from batterymi.stability.phases import PhaseTable
from batterymi.stability.screen import assess_formulas

logger = logging.getLogger(__name__)
FORMULAS_PER_LOG_LINE = 200


def assess_stability(phases: Path, formulas: Path, assessed: Path, settings: AssessmentSettings) -> None:
    """Compute the stability of every formula of a shard, in full of those that pass the first gates.

    Args:
        phases: formation energies of all compounds.
        formulas: the shard.
        assessed: Parquet to write: one row for each formula.
        settings: the first gates and the draws.
    """
    table = PhaseTable(read_frame(phases, ["formula", "system", "e_form", "e_form_critexam"]))
    assessor = Assessor(table, settings.draws, settings.noise_ev_atom, settings.seed)

    def report(done: int, total: int) -> None:
        if done % FORMULAS_PER_LOG_LINE == 0 or done == total:
            logger.info("%d of %d formulas", done, total)

    found = assess_formulas(read_frame(formulas, ["formula", "system"]), assessor, settings.first_gates, report)
    write_parquet(assessed, found)
    logger.info("%d formulas, %d in full", len(found), found["in_full"].sum())
