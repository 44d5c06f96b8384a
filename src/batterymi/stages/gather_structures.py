"""The stage `gather_structures`: what models gain by structures, over all partitions."""

import logging
from pathlib import Path

from batterymi.config.slices.structures import GainSettings
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.feature_gain import BLEND, add_up_times, describe_scores, find_misaligned, score_candidates
from batterymi.surrogates.structure_gain import AVERAGE, CANDIDATES, NETWORK

logger = logging.getLogger(__name__)


def gather_structures(
    predictions: list[Path], times: list[Path], found: Path, gains: Path, report: Path, settings: GainSettings
) -> None:
    """Score candidates over partitions.

    Args:
        predictions: of each partition.
        times: processor time of each candidate in each.
        found: report of `read_structures`.
        gains: CSV to write: a row for each candidate.
        report: JSON to write: the same, with structures, times and sentences.
        settings: how predictions are scored.
    """
    frames = [read_frame(path, needs=["line", "group", "observed", *CANDIDATES]) for path in predictions]
    if (wrong := find_misaligned(frames)).size:
        raise DamagedFileError(predictions[wrong[0]], f"its rows are not those of {predictions[0].name}")
    chosen = settings.surrogate
    folds = chosen.folds if isinstance(chosen.folds, int) else 1
    scores = score_candidates(frames, CANDIDATES, folds, chosen.bootstraps, settings.seed)
    totals = add_up_times([read_json(path, needs=["cpu_seconds"]) for path in times])
    write_csv(gains, scores)
    by_name = scores.set_index("candidate")
    lines = describe_scores(scores, settings.objectives[0].unit)
    for line in lines:
        logger.info("%s", line)
    write_json(
        report,
        {
            "candidates": scores.to_dict("records"),
            "verdict": by_name.loc[AVERAGE, "verdict"],
            "sentences": lines,
            "structures": read_json(found),
            "cpu_seconds": totals,
            "compared_with": BLEND,
            "network": NETWORK,
        },
    )
