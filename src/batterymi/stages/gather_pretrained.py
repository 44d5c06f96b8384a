"""The stage `gather_pretrained`: what the graph network gains by pre-training, over all partitions."""

import logging
from pathlib import Path

from batterymi.config.slices.structures import GainSettings
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.surrogates.feature_gain import add_up_times, find_misaligned
from batterymi.surrogates.pretraining_gain import BASELINES, PRETRAINED, join_predictions, score_pretraining

logger = logging.getLogger(__name__)
NEEDED = ["line", "group", "observed"]


def gather_pretrained(
    compared: list[Path],
    predictions: list[Path],
    times: list[Path],
    pretraining: Path,
    gains: Path,
    report: Path,
    settings: GainSettings,
) -> None:
    """Score the pre-trained network against that from scratch, and against the blend.

    Args:
        compared: predictions of `compare_structures`, of each partition.
        predictions: of the pre-trained network.
        times: its processor times.
        pretraining: report of `pretrain_graph_net`.
        gains: CSV to write: a row for each candidate and baseline.
        report: JSON to write: the same, with the pre-training and times.
        settings: how predictions are scored.
    """
    frames = []
    for known, path in zip(compared, predictions, strict=True):
        with_scratch = read_frame(known, needs=[*NEEDED, *BASELINES])
        try:
            frames.append(join_predictions(with_scratch, read_frame(path, needs=[*NEEDED, PRETRAINED])))
        except ValueError as error:
            raise DamagedFileError(path, f"{error}; run compare_pretrained again") from None
    if (wrong := find_misaligned(frames)).size:
        raise DamagedFileError(predictions[wrong[0]], f"its rows are not those of {predictions[0].name}")
    chosen = settings.surrogate
    folds = chosen.folds if isinstance(chosen.folds, int) else 1
    scores = score_pretraining(frames, folds, chosen.bootstraps, settings.seed)
    write_csv(gains, scores)
    found = scores[scores["candidate"] == PRETRAINED].set_index("over")
    for baseline, row in found.iterrows():
        logger.info(
            "MAE %.3f %s, gain over %s %+.3f [%+.3f, %+.3f]: %s",
            row["mae"], settings.objectives[0].unit, baseline,
            *(row[name] for name in ("gain", "gain_lower", "gain_upper", "verdict")),
        )  # fmt: skip
    write_json(
        report,
        {
            "candidates": scores.to_dict("records"),
            "verdicts": {name: found.loc[name, "verdict"] for name in BASELINES},
            "pretraining": read_json(pretraining),
            "cpu_seconds": add_up_times([read_json(path, needs=["cpu_seconds"]) for path in times]),
        },
    )
