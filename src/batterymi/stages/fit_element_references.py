"""The stage `fit_element_references`: elements' energies in CHGNet's terms, and the error of hull distances."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.config.slices.stability import CalibrationSettings
from batterymi.data.citations import format_citations
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.loaders.mp_structures import load_structures
from batterymi.features.formulas import parse_formula
from batterymi.files import read_frame, write_csv, write_json, write_text
from batterymi.progress import make_report
from batterymi.stability.assess import Assessor
from batterymi.stability.calibrate import COLUMNS, calibrate
from batterymi.stability.element_references import fit_references
from batterymi.stability.hull_error import describe_gates, measure_error
from batterymi.stability.phases import ION, PHASE_COLUMNS, PhaseTable
from batterymi.stability.potential import open_potential

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalibrationFiles:
    """What the stage writes.

    Attributes:
        references: JSON; the potential, energies of the elements, the error, and refused gates; or why it was skipped.
        calibration: CSV; the structures that these come from.
        citations: Markdown; licences of the data sets, and the works to cite.
    """

    references: Path
    calibration: Path
    citations: Path


def fit_element_references(
    structures: Path,
    small: Path,
    phases: Path,
    made: CalibrationFiles,
    settings: CalibrationSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Fit references of the elements to the table of phases; where CHGNet is not installed, say so and compute nothing.

    Args:
        structures: receipt of the data set mp_structures.
        small: receipt of the data set mp20_mini.
        phases: formation energies of all compounds.
        made: what to write.
        settings: largest cell, gates and partitions.
        digests: of the data sets' files when the run began.
    """
    write_text(made.citations, format_citations(settings.datasets))
    potential = open_potential()
    if isinstance(potential, str):
        logger.warning("skipped: %s", potential)
        write_csv(made.calibration, pd.DataFrame(columns=list(COLUMNS)))
        write_json(made.references, {"skipped": potential})
        return
    chosen = settings.hull_estimates
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        known = load_structures(structures.parent, small.parent, ION, chosen.largest_cell)
    assessor = Assessor(PhaseTable(read_frame(phases, PHASE_COLUMNS)))
    found = calibrate(known, potential, assessor, make_report("structures"))
    compositions = [parse_formula(formula) for formula in found["formula"]]
    references = fit_references(compositions, found["energy"].to_numpy(float), found["e_form"].to_numpy(float))
    error = measure_error(found, chosen.gates_ev_atom, potential.trained_until, chosen.partitions, settings.seed)
    write_csv(made.calibration, found)
    account = {
        "skipped": "",
        "potential": potential.name,
        "trained_until": potential.trained_until,
        "structures": len(known),
        "energies": dict(references.energies),
        "counts": dict(references.counts),
        "error": error,
        "refused_gates": describe_gates(error),
    }
    write_json(made.references, account)
    where = "in-sample" if error["in_sample"] else "newer than the potential"
    logger.info("%s: MAE %.0f meV/atom over %d structures, %s", potential.name, 1000 * error["mae"], error["n"], where)
