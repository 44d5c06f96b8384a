"""The stage `gather_computed_sets`: what models gain by computed sets, over all partitions."""

import logging
from pathlib import Path

from batterymi.config.slices.structures import GainSettings
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.computed_sets import CANDIDATES, COMPUTED, PROPERTIES, WITH_SCORE, correlate
from batterymi.surrogates.feature_gain import BLEND, add_up_times, describe_scores, find_misaligned, score_candidates

logger = logging.getLogger(__name__)


def gather_computed_sets(
    predictions: list[Path],
    times: list[Path],
    known: Path,
    learned: Path,
    gains: Path,
    report: Path,
    settings: GainSettings,
) -> None:
    """Score candidates over partitions.

    Args:
        predictions: of each partition.
        times: processor time of each candidate in each.
        known: what computed sets say of each row.
        learned: report of `learn_computed_sets`.
        gains: CSV to write: a row for each candidate.
        report: JSON to write: the same in sentences, with times, and with how well each property is learned.
        settings: how predictions are scored.
    """
    frames = [read_frame(path, needs=["line", "group", "observed", *CANDIDATES]) for path in predictions]
    if (wrong := find_misaligned(frames)).size:
        raise DamagedFileError(predictions[wrong[0]], f"its rows are not those of {predictions[0].name}")
    chosen = settings.surrogate
    folds = chosen.folds if isinstance(chosen.folds, int) else 1
    scores = score_candidates(frames, CANDIDATES, folds, chosen.bootstraps, settings.seed)
    write_csv(gains, scores)
    properties = read_frame(known, needs=["line", *PROPERTIES]).set_index("line")
    observed = dict(zip(frames[0]["line"].tolist(), frames[0]["observed"].tolist(), strict=True))
    verdicts = scores.set_index("candidate")["verdict"]
    lines = describe_scores(scores, settings.objectives[0].unit)
    for line in lines:
        logger.info("%s", line)
    write_json(
        report,
        {
            "candidates": scores.to_dict("records"),
            "verdict": verdicts[COMPUTED],
            "verdict_superionic_score": verdicts[WITH_SCORE],
            "sentences": lines,
            "learned": read_json(learned),
            "rank_correlation_with_observed": correlate(properties, observed),
            "cpu_seconds": add_up_times([read_json(path, needs=["cpu_seconds"]) for path in times]),
            "compared_with": BLEND,
        },
    )
