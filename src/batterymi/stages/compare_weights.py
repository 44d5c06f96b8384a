"""What the weights of the reward change: the chapter's third exercise, answered over seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.files import PathLike, read_frame, read_json, write_csv
from batterymi.statistics.intervals import interval

MEASURES = ("minutes_mean", "smallest_margin_mv", "temperature_max_c", "capacity_lost_mah", "violating")
N_BOOTSTRAPS = 2000


SLACK = 1.02  # an evaluation comes at the end of a charge, a little after it is due


def compare_weights(
    record_paths: Sequence[PathLike], table_path: PathLike, *, seed: int, steps: int | None = None
) -> None:
    """Write what agents with different weights do on the validation scenarios, after equally long trainings.

    Args:
        record_paths: `training.json` of each training, in folders `<agent>/<seed>`, beside its `curve.csv`.
        table_path: CSV to write: one row per agent with its weights, and mean and 95 % interval over its seeds of each
            measure. One seed has no interval.
        seed: of the bootstrap.
        steps: control steps of the shortest trainings; what longer ones chose later does not count. None: no limit.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in record_paths:
        record = read_json(path, needs=("weights",))
        curve = read_frame(Path(path).with_name("curve.csv"), needs=("steps", "is_best", *MEASURES))
        within = curve["is_best"] & (curve["steps"] <= (SLACK * steps if steps else np.inf))
        record["chosen"] = curve[within].iloc[-1].to_dict() if within.any() else curve.iloc[0].to_dict()
        rows.setdefault(Path(path).parent.parent.name, []).append(record)
    table = [_row(name, records, np.random.default_rng(seed)) for name, records in rows.items()]
    write_csv(table_path, pd.DataFrame(table))


def _row(name: str, records: Sequence[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """One agent over its seeds."""
    row: dict[str, Any] = {"agent": name, **{f"weight_{key}": value for key, value in records[0]["weights"].items()}}
    row["seeds"] = len(records)
    for measure in MEASURES:
        values = np.array([record["chosen"][measure] for record in records], float)
        row[measure] = float(values.mean())
        lower, upper = np.nan, np.nan
        if len(values) > 1:
            lower, upper = interval(values[rng.integers(len(values), size=(N_BOOTSTRAPS, len(values)))].mean(axis=1))
        row |= {f"{measure}_lower": lower, f"{measure}_upper": upper}
    return row
