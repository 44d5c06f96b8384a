"""All charges of the arena as tables, verdicts and a few sentences."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from batterymi.arena.feedback import measure_feedback
from batterymi.arena.table import (
    SORTED_BY,
    assign_costs,
    compare_pairs,
    flag_violations,
    make_table,
    measure_discrepancy,
)
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet, write_text
from batterymi.reporting.arena_page import render_arena

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CostFiles:
    """What tuning and training cost.

    Attributes:
        tuned: what `tune_controllers` wrote, as `{cell}/{condition}.json`.
        protocols: what `optimise_protocols` wrote, alike.
        records: what trainings cost, as `{cell}/{agent}/{seed}/training.json`.
    """

    tuned: list[Path] | None
    protocols: list[Path] | None
    records: list[Path] | None


@dataclass(frozen=True)
class ComparisonFiles:
    """Where comparisons go.

    Attributes:
        charges: Parquet: every charge.
        table: CSV: one row per cell, temperature and controller.
        html: the same as a page, with the verdicts.
        comparisons: CSV: controllers in pairs.
        discrepancy: CSV: the same charges on the coarse and on the reference model.
        feedback: JSON: what feedback is worth.
    """

    charges: Path
    table: Path
    html: Path
    comparisons: Path
    discrepancy: Path
    feedback: Path


def compare_controllers(parts: list[Path], costs: CostFiles, files: ComparisonFiles) -> None:
    """Join the charges of all jobs, and compare the controllers.

    Args:
        parts: what `simulate_controllers` wrote.
        costs: what tuning and training cost.
        files: where comparisons go.
    """
    charges = flag_violations(pd.concat([read_frame(path) for path in parts], ignore_index=True))
    table = make_table(charges, assign_costs(charges, read_costs(costs)))
    comparisons, discrepancy = compare_pairs(charges), measure_discrepancy(charges)
    feedback = measure_feedback(charges, comparisons)
    write_parquet(files.charges, charges.sort_values(SORTED_BY, kind="stable", ignore_index=True))
    write_csv(files.table, table)
    write_csv(files.comparisons, comparisons)
    write_csv(files.discrepancy, discrepancy)
    write_json(files.feedback, feedback)
    write_text(files.html, render_arena(table, comparisons, discrepancy, feedback))
    logger.info("%d charges of %d controllers", len(charges), charges["controller"].nunique())


def read_costs(files: CostFiles) -> Iterator[tuple[str, str | None, str, float]]:
    """Yield cell, temperature (None for an agent, which is trained for all), controller and CPU seconds.

    Args:
        files: of tuning and training.
    """
    for path in (*(files.tuned or ()), *(files.protocols or ())):
        for name, found in read_json(path).items():
            # beside the controllers, the file holds the reason, a count of charges and the scenarios
            if isinstance(found, dict):
                yield path.parent.name, path.stem, name, found["cpu_s"]
    for path in files.records or ():
        cell, agent = path.parts[-4:-2]
        yield cell, None, agent, read_json(path)["cpu_s"]
