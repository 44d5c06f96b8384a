"""The stage `gather_stability`: all assessed formulas, and known electrolytes beside published windows."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.slices.stability import ComparisonSettings
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet
from batterymi.stability.account import summarise_assessed
from batterymi.stability.assess import FULL, Assessor
from batterymi.stability.phases import BOTH, CRITEXAM, MATBENCH, PhaseTable
from batterymi.stability.published import compare_windows, load_works, summarise_errors

logger = logging.getLogger(__name__)


def gather_stability(
    shards: list[Path],
    phases: Path,
    listing: Path,
    assessed: Path,
    known: Path,
    report: Path,
    settings: ComparisonSettings,
) -> None:
    """Merge the shards, and compare known electrolytes with published windows.

    Args:
        shards: assessed formulas.
        phases: formation energies of all compounds.
        listing: the account of the list that was dealt to the shards.
        assessed: Parquet to write: all formulas, sorted.
        known: CSV to write: computed and published windows of known electrolytes.
        report: JSON to write: counts, errors against published windows, and what other tables of phases change.
        settings: the draws.
    """
    rows = pd.concat([read_frame(path, ["formula", "e_decomposition"]) for path in shards])
    counts = read_json(listing, ["formulas", "phases"])
    if len(rows) != counts["formulas"]:
        raise TableError(f"the shards hold {len(rows)} formulas, {counts['formulas']} were listed; run them again")
    rows = rows.sort_values("formula", ignore_index=True)
    write_parquet(assessed, rows)
    energies = read_frame(phases, ["formula", "system", "e_form", "e_form_critexam"])
    table = PhaseTable(energies, MATBENCH)
    compared = compare_windows(Assessor(table, settings.draws, settings.noise_ev_atom, settings.seed), FULL)
    write_csv(known, compared)
    errors: dict[str, Any] = {MATBENCH: summarise_errors(compared)}
    for source in (CRITEXAM, BOTH):
        errors[source] = summarise_errors(compare_windows(Assessor(PhaseTable(energies, source))))
    by_class = {str(name): summarise_errors(part) for name, part in compared.groupby("class")}
    write_json(
        report,
        {
            "listed": counts,
            "settings": settings.model_dump(mode="json"),
            "assessed": summarise_assessed(rows),
            "errors_against_published": errors,
            "errors_by_class": by_class,
            "sources": load_works().to_dict("records"),
            "published_checked_in_their_source": int(compared["checked"].sum()),
        },
    )
    for name, found in errors[MATBENCH].items():
        logger.info("%s: MAE %.3f %s over %d", name, found["mae"], found["unit"], found["n"])
