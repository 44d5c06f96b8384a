"""The stage `prepare_table`: check the rows of a study, and write them with an account of each that was left out."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from batterymi.config.slices.data import TableSettings
from batterymi.data.formula_columns import list_understood
from batterymi.data.input_files import warn_of_changes
from batterymi.data.table import CheckedTable, load_table
from batterymi.files import write_json, write_parquet
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def prepare_table(
    table: Path,
    report: Path,
    settings: TableSettings,
    source: Path | None = None,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Check a study's rows and write them, with a report of what was left out and why.

    Args:
        table: Parquet file to write.
        report: JSON file to write: source, digest, rows in and out, each dropped row with its reason.
        settings: where the rows come from, and what the columns may hold.
        source: the rows, where an evaluator has made them.
        digests: of the source's files when the run began.

    Raises:
        TableError: if the table cannot be used; the message lists every row and column at fault.
    """
    settings = settings if settings.path else settings.model_copy(update={"path": str(source)})
    loaded = load_table(settings)
    rows = loaded.rows
    warn_of_changes(loaded.digests, digests)
    write_parquet(table, rows)
    write_json(
        report,
        {
            "source": settings.path,
            "sha256": _list_digests(loaded, settings),
            "dataset": settings.dataset.model_dump(mode="json") if settings.dataset else None,
            "rows_in": loaded.n_in,
            "rows_out": len(rows),
            "rows_to_learn_from": int((rows[SPLIT] == TRAIN).sum()),
            "rows_by_split": {str(name): int(n) for name, n in rows[SPLIT].value_counts().sort_index().items()},
            **({"formulas": loaded.formulas.understood} if loaded.formulas.understood else {}),
            "dropped": loaded.dropped,
            "rows_dropped": loaded.n_dropped,
            "unused": loaded.unused,
            "remarks": loaded.remarks,
            "converted": [asdict(conversion) for conversion in loaded.conversions],
            "columns": {
                column.name: {"label": column.label, "unit": column.unit}
                for column in (*settings.features, *settings.objectives)
            },
        },
    )
    for conversion in loaded.conversions:
        logger.info(
            "%s: %s converted from %s to %s", settings.path, conversion.header, conversion.found, conversion.wanted
        )
    for line in list_understood(settings.path, loaded.formulas.understood, report.name):
        logger.info("%s", line)
    for note in loaded.list_notes():
        logger.warning("%s", note)
    logger.info("%s: %d rows in, %d out, %d dropped", settings.path, loaded.n_in, len(rows), loaded.n_dropped)


def _list_digests(loaded: CheckedTable, settings: TableSettings) -> str | dict[str, str]:
    """Return the digest of the source as it was read, or of each file of a data set."""
    if settings.dataset is None:
        return loaded.digests[settings.path]
    return {name: loaded.digests[f"{settings.path}/{name}"] for name in settings.dataset.files}
