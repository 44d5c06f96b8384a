"""The stage `list_phases`: formation energies of all compounds, and the formulas to assess, dealt to shards."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.config.slices.data import CitationSettings
from batterymi.data.citations import format_citations
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.loaders.mp_compositions import load_compositions, load_formation_energies
from batterymi.files import write_json, write_parquet, write_text
from batterymi.stability.phases import ION
from batterymi.stability.shards import deal_systems, name_systems

logger = logging.getLogger(__name__)


def list_phases(
    source: Path,
    phases: Path,
    shards: list[Path],
    listing: Path,
    citations: Path,
    settings: CitationSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the lowest formation energy of each compound, and every formula with lithium, by chemical system.

    Args:
        source: receipt of the data set mp_compositions.
        phases: Parquet to write: one row for each compound, with its energy in each of the two tables.
        shards: Parquet files to write: formulas with the numbers that the data set has of them; a chemical system lies
            in one shard as a whole.
        listing: JSON to write: how many phases, formulas and systems there are.
        citations: Markdown to write, beside what is computed from the data set: its licence, and the works to cite.
        settings: the data set in the catalogue.
        digests: of the source's files when the run began.
    """
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        energies = load_formation_energies(source.parent)
        formulas = load_compositions(source.parent, ION)
    write_parquet(phases, energies)
    logger.info("%d phases, %d of them in the default table", len(energies), energies["e_form"].notna().sum())
    formulas.insert(1, "system", name_systems(formulas["formula"]))
    shard_of = deal_systems(formulas["system"], len(shards))
    for number, path in enumerate(shards):
        write_parquet(path, pd.DataFrame(formulas[shard_of == number]).sort_values(["system", "formula"]))
    counts = {
        "phases": int(energies["e_form"].notna().sum()),
        "critexam": int(energies["e_form_critexam"].notna().sum()),
    }
    write_json(listing, counts | {"formulas": len(formulas), "systems": int(formulas["system"].nunique())})
    write_text(citations, format_citations(settings.datasets))
    logger.info("%d formulas in %d shards", len(formulas), len(shards))
