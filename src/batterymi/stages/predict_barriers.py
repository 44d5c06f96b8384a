"""The stage `predict_barriers`: migration barriers of hosts that a model has not seen, and of the official split."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.surrogates import barriers as learning

logger = logging.getLogger(__name__)

NEEDED = ("line", "name", "system", "ion", learning.GROUP, learning.KIND, learning.BARRIER, "split", learning.POTENTIAL)
SEED = 42


def predict_barriers(
    barriers: Path, described: Path, scores: Path, kinds: Path, official: Path, predictions: Path, report: Path
) -> None:
    """Cross-validate models of barriers by several partitions of the hosts, then predict the official test part.

    Chemical systems of hosts are held out as a whole, and, as a harder question, whole kinds of hosts.

    Args:
        barriers: a row for each barrier, as `describe_barriers` wrote them.
        described: descriptors of the paths.
        scores: CSV to write: a row for each model, by chemical systems of hosts.
        kinds: CSV to write: the same of a few models, by kinds of hosts.
        official: CSV to write: the same of the official split.
        predictions: Parquet to write: predictions of every partition, and of the official test part as partition 0.
        report: JSON to write: how many rows of the test part have their system, or chemical system, among the others.
    """
    rows = read_frame(barriers, needs=[*NEEDED, learning.PUBLISHED])
    paths = read_frame(described)
    if len(rows) != len(paths):
        raise DamagedFileError(described, f"{len(paths)} paths, and {len(rows)} barriers")
    task = learning.make_barrier_problem(rows, paths, SEED)
    by_kind = learning.make_barrier_problem(rows, paths, SEED, learning.KIND)
    frames, others = [], []
    for partition in range(1, learning.PARTITIONS + 1):
        frames.append(learning.predict_partition(task, partition))
        others.append(learning.predict_partition(by_kind, partition, learning.BY_KIND))
        logger.info("partition %d of %d", partition, learning.PARTITIONS)
    for_kinds = learning.score_partitions(others, None, SEED)
    write_csv(kinds, for_kinds)
    by_host = learning.score_partitions(frames, rows[learning.POTENTIAL].to_numpy(float), SEED)
    shared = learning.count_shared(rows)
    parts = list(frames)
    write_csv(scores, by_host)
    for_test = pd.DataFrame()
    if shared["test"]:
        test = learning.predict_official(task)
        for_test = learning.score_official(test, SEED)
        parts.append(test.assign(partition=0))
    write_csv(official, for_test if len(for_test) else by_host.iloc[:0])
    write_parquet(predictions, pd.concat(parts, ignore_index=True).merge(rows[["line", "name", "ion"]], on="line"))
    write_json(report, {"rows": len(rows), "partitions": len(frames), "official": shared})
    for label, table in (("by host", by_host), ("by kind of host", for_kinds), ("official split", for_test)):
        for _, row in table.iterrows():
            logger.info(
                "%s, %s: MAE %.3f eV [%.3f, %.3f], R² %.2f",
                *(label, row["what"]),
                *(row[name] for name in ("mae", "mae_lower", "mae_upper", "r2")),
            )
    if shared["test"]:
        counts = (shared["system_shared"], shared["test"], shared[f"{learning.GROUP}_shared"])
        logger.info("%d of %d official test rows have their system among the others, %d its chemical system", *counts)
