"""What the weights of the reward change: the chapter's third exercise, answered over seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.files import PathLike, read_json, write_csv
from batterymi.surrogates.intervals import interval

MEASURES = ("minutes_mean", "smallest_margin_mv", "temperature_max_c", "capacity_lost_mah", "violating")
N_BOOTSTRAPS = 2000


def compare_weights(record_paths: Sequence[PathLike], table_path: PathLike, *, seed: int) -> None:
    """Write what agents with different weights do on the validation scenarios.

    Args:
        record_paths: `training.json` of each training, in folders `<agent>/<seed>`.
        table_path: CSV to write: one row per agent with its weights, and mean and 95 % interval over its seeds of each
            measure. One seed has no interval.
        seed: of the bootstrap.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in record_paths:
        rows.setdefault(Path(path).parent.parent.name, []).append(read_json(path))
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
