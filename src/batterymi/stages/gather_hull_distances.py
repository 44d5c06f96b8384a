"""The stage `gather_hull_distances`: all estimated hull distances with their error, and what gates say of them."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.stability.hull_error import answer_gates
from batterymi.stability.hull_estimate import ESTIMATED, summarise_estimates

logger = logging.getLogger(__name__)


def gather_hull_distances(shards: list[Path], references: Path, estimates: Path, report: Path) -> None:
    """Merge the shards.

    Args:
        shards: estimates.
        references: of the elements, with the error and the gates, or why there are none.
        estimates: CSV to write: all structures, with an answer for each gate that tells more than the base rate.
        report: JSON to write: counts, the error, and refused gates; or why all was skipped.
    """
    known = read_json(references, ["skipped"])
    texts = ("name", "written", "formula", "problem")
    rows = pd.concat([read_frame(path, ESTIMATED, texts=texts) for path in shards], ignore_index=True)
    if known["skipped"]:
        write_csv(estimates, rows)
        write_json(report, {"skipped": known["skipped"]})
        logger.warning("skipped: %s", known["skipped"])
        return
    rows = answer_gates(rows.sort_values("name", ignore_index=True), known["error"])
    write_csv(estimates, rows)
    kept = {name: known[name] for name in ("skipped", "potential", "trained_until", "error", "refused_gates")}
    write_json(report, {**kept, **summarise_estimates(rows)})
    for line in known["refused_gates"]:
        logger.info("refused: below %s", line)
