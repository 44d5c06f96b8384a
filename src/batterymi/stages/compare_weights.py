"""What the weights of the reward change."""

from pathlib import Path

from batterymi.agents.weights import MEASURES, TrainingRun, compare_runs
from batterymi.config.slices.agents import WeightStudySettings
from batterymi.files import read_frame, read_json, write_csv


def compare_weights(records: list[Path], curves: list[Path], table: Path, settings: WeightStudySettings) -> None:
    """Compare agents with different weights over their seeds.

    Args:
        records: `training.json` of each training, in folders `<agent>/<seed>`.
        curves: `curve.csv` of each, in the same order.
        table: CSV to write: one row per agent.
        settings: seed of the bootstrap, and length of the trainings.
    """
    runs = []
    for record, curve in zip(records, curves, strict=True):
        weights = read_json(record, needs=("weights",))["weights"]
        steps = read_frame(curve, needs=("steps", "is_best", *MEASURES))
        runs.append(TrainingRun(record.parent.parent.name, weights, steps))
    write_csv(table, compare_runs(runs, settings.seed, settings.steps))
