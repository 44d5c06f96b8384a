"""The stage `refine_stability`: everything of the formulas of one shard that pass the first gates."""

import logging
from pathlib import Path

from batterymi.config.slices.stability import AssessmentSettings
from batterymi.files import read_frame, write_parquet
from batterymi.progress import make_report
from batterymi.stability.assess import Assessor
from batterymi.stability.phases import PHASE_COLUMNS, PhaseTable
from batterymi.stability.screen import IN_FULL, refine_formulas
from batterymi.vocabulary.stability import QUICK_COLUMNS

logger = logging.getLogger(__name__)


def refine_stability(phases: Path, assessed: Path, refined: Path, settings: AssessmentSettings) -> None:
    """Compute all cathodes, the spread of edges and the phases that set them.

    Args:
        phases: formation energies of all compounds.
        assessed: quick numbers of a shard.
        refined: Parquet to write: the same rows, those that pass the first gates with all numbers.
        settings: the first gates and the draws.
    """
    table = PhaseTable(read_frame(phases, PHASE_COLUMNS))
    assessor = Assessor(table, settings.draws, settings.noise_ev_atom, settings.seed)
    quick = read_frame(assessed, ["formula", "system", *QUICK_COLUMNS, IN_FULL, "problem"])
    found = refine_formulas(quick, assessor, settings.first_gates, make_report("formulas"))
    write_parquet(refined, found)
    logger.info("%d formulas, %d in full", len(found), found[IN_FULL].sum())
