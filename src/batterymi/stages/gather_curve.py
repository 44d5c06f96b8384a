"""The stage `gather_curve`: the learning curve of transfer over all partitions and draws."""

import logging
from pathlib import Path

from batterymi.config.slices.formula_net import CurveSettings
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.problem import label_joint_groups
from batterymi.surrogates.transfer_curve import (
    COLUMNS,
    Curve,
    describe_saved,
    describe_scores,
    join_predictions,
)
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def gather_curve(
    table: Path,
    untaught: list[Path],
    predictions: list[Path],
    times: list[Path],
    scores: Path,
    report: Path,
    settings: CurveSettings,
) -> None:
    """Score every strategy and number of own rows.

    Args:
        table: the study's table.
        untaught: Parquet of each partition: predictions by what saw no own row.
        predictions: Parquet of each partition and draw.
        times: their processor times.
        scores: CSV to write: a row for each strategy and number of own rows.
        report: JSON to write: the same, with own rows saved and the processor time.
        settings: how predictions are scored.
    """
    objective, chosen = settings.objectives[0], settings.surrogate
    rows = read_frame(table, needs=["line", SPLIT, objective.name])
    rows = rows[(rows[SPLIT] == TRAIN) & rows[objective.name].notna()].set_index("line", drop=False)
    groups = rows["line"].copy().astype(object)
    groups[:] = label_joint_groups(rows, settings.table.group_columns)
    frames = [read_frame(path, needs=COLUMNS[:-1]) for path in [*untaught, *predictions]]
    folds = chosen.folds if isinstance(chosen.folds, int) else 1
    curve = Curve(join_predictions(frames), rows[objective.name].astype(float), groups, folds)
    found = curve.score(chosen.bootstraps, settings.seed)
    write_csv(scores, found)
    n_learned = round(len(rows) * (1 - 1 / folds)) if folds > 1 else len(rows) - 1
    saved = curve.compare_with_all(n_learned, chosen.bootstraps, settings.seed)
    lines = [
        *describe_scores(found, objective.unit or ""),
        *describe_saved(saved, n_learned, objective.unit or ""),
    ]
    for line in lines:
        logger.info("%s", line)
    write_json(
        report,
        {
            "own_rows": len(rows),
            "learned_in_a_fold": n_learned,
            "scores": found.to_dict("records"),
            "saved": saved,
            "sentences": lines,
            "cpu_seconds": sum(read_json(path, needs=["cpu_seconds"])["cpu_seconds"] for path in times),
        },
    )
