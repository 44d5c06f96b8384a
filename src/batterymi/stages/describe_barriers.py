"""The stage `describe_barriers`: computed migration barriers, and descriptors of the paths that they belong to."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.loaders.migration_barriers import load_barriers
from batterymi.features.migration_paths import PathError, describe_path
from batterymi.files import write_json, write_parquet

logger = logging.getLogger(__name__)


def describe_barriers(
    source: Path,
    barriers: Path,
    described: Path,
    report: Path,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Read barriers, and describe their paths.

    Args:
        source: receipt of the data set `migration_barriers`.
        barriers: Parquet to write: a row for each barrier.
        described: Parquet to write: descriptors of the path of each, in the same order.
        report: JSON to write: counts, and what was left out and why.
        digests: of the source's files when the run began.
    """
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        found = load_barriers(source.parent)
    rows, kept = [], []
    for number, path in enumerate(found.paths):
        try:
            rows.append(describe_path(path))
            kept.append(number)
        except PathError as error:
            about = found.rows.iloc[number]
            dropped = {"file": "", "line": int(about["line"]), "found": str(about["name"]), "reason": str(error)}
            found.dropped.append(dropped)
    for fault in found.dropped:
        logger.warning("%s: %s: left out: %s", fault["line"], fault["found"], fault["reason"])
    usable = found.rows.iloc[kept].reset_index(drop=True)
    write_parquet(barriers, usable)
    write_parquet(described, pd.DataFrame(rows))
    counts = {
        f"by_{name}": {str(k): int(n) for k, n in usable[name].value_counts().items()} for name in ("ion", "split")
    }
    systems = {"systems": int(usable["system"].nunique()), "host_systems": int(usable["host_system"].nunique())}
    write_json(report, {"rows_in": found.n_in, "rows": len(usable), **systems, **counts, "dropped": found.dropped})
    logger.info("%d barriers of %d records, %d host systems", len(usable), found.n_in, systems["host_systems"])
