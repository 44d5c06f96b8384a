"""What `batterymi assess --structure` adds: the composition of a CIF file, and its hull distance by CHGNet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from batterymi.config.run import Config
from batterymi.errors import TableError
from batterymi.features.site_records import SiteRecord, make_record
from batterymi.features.structures import StructureError, read_structure
from batterymi.files import read_json
from batterymi.stability.assess import Assessor
from batterymi.stability.element_references import References
from batterymi.stability.hull_error import describe_gates
from batterymi.stability.hull_estimate import Estimate, Estimator
from batterymi.stability.phases import StabilityError
from batterymi.stability.potential import open_potential
from batterymi.vocabulary.elements import SYMBOLS
from batterymi.workflow.project import folder_of

LABEL = "  hull by CHGNet   "
INDENT = " " * len(LABEL)


def read_crystal(path: Path) -> tuple[SiteRecord, str]:
    """Read the sites of a CIF file, and the formula of its cell.

    Raises:
        TableError: with the file, and what is wrong with it.
    """
    try:
        record = make_record(read_structure(path).structure)
    except StructureError as error:
        raise TableError(f"{path}: {error}") from None
    places = np.flatnonzero(record.totals)
    return record, "".join(f"{SYMBOLS[place]}{record.totals[place]:.4g}" for place in places.tolist())


def describe_estimate(record: SiteRecord, assessor: Assessor, config: Config) -> list[str]:
    """Return lines for a terminal about the hull distance of a structure, or why it is unknown.

    Raises:
        BatteryMIError: if the file of references is damaged.
    """
    path = folder_of(config, "results") / "stability" / "chgnet" / "references.json"
    if not path.is_file():
        return [f"{LABEL}unknown until there are references of the elements: snakemake --cores 1 {path}"]
    known = read_json(path, ["skipped"])
    potential = open_potential()
    if isinstance(potential, str) or known["skipped"]:
        reason = potential if isinstance(potential, str) else f"{known['skipped']}; run snakemake hull_distances again"
        return [f"{LABEL}unknown: {reason}"]
    references = References(known["energies"], known["counts"])
    try:
        found = Estimator(potential, references, assessor, config.stability.hull_estimates).estimate(record)
    except (StabilityError, StructureError) as error:
        return [f"{LABEL}unknown: {error}"]
    return _describe(found, known)


def _describe(found: Estimate, known: Mapping[str, Any]) -> list[str]:
    """Return lines about an estimate, its error, and each gate."""
    error = known["error"]
    where = "in-sample" if error["in_sample"] else f"structures after {known['trained_until']}"
    lines = [
        f"{LABEL}{found.e_above_hull:+.3f} ± {error['mae']:.3f} eV/atom ({where}, mean absolute error of {error['n']})"
    ]
    lines += [
        f"{INDENT}below {one['gate']:g} eV/atom: {'yes' if found.e_above_hull < one['gate'] else 'no'}"
        for one in error["gates"]
        if one["beats_base_rate"]
    ]
    refused = f"{INDENT}not answered, no better than the base rate: below "
    return lines + [refused + line for line in describe_gates(error)]
