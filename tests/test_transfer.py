"""Transfer between tasks, where it is known whether it helps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from batterymi.config.slices.transfer import TransferSettings
from batterymi.files import read_json, write_parquet
from batterymi.reporting.use import describe_transfer
from batterymi.stages.compare_transfer import compare_transfer
from batterymi.surrogates.transfer import ALL, OWN

FEATURES = [{"name": name, "label": name, "unit": "1"} for name in ("x", "z")]
SETTINGS: dict[str, Any] = {"models": ["dummy", "ridge"], "folds": 5, "bootstraps": 300, "partitions": 3, "trees": 20}


def compare(folder: Path, related: float, seed: int = 0) -> dict[str, Any]:
    """Sixty own rows in twelve groups, and 600 rows of a task that shares some of the slope."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=660), rng.normal(size=660)
    own = np.arange(660) < 60
    slope = np.where(own, 1.0, related)
    rows = pd.DataFrame(
        {
            "line": np.arange(660),
            "x": x,
            "z": z,
            "y": slope * np.sin(2 * x) + 0.1 * rng.normal(size=660),
            "ion": np.where(own, "Na", "Li"),
            "host": [f"own {i % 12}" if i < 60 else f"other {i % 100}" for i in range(660)],
            "split": np.where(own, "train", "source"),
        }
    )
    write_parquet(folder / "table.parquet", rows)
    settings = {
        "features": FEATURES,
        "descriptors": [],
        "objectives": [{"name": "y", "label": "y", "unit": "1", "goal": "maximise"}],
        "table": {"file": "x.csv", "group": "host"},
        "surrogate": SETTINGS,
        "transfer": {"source": ["Li"], "model": "extra_trees", "sizes": [10]},
        "seed": seed,
    }
    files = (folder / name for name in ("table.parquet", "predictions.parquet", "transfer.json"))
    compare_transfer(*files, settings=TransferSettings.model_validate(settings))
    return read_json(folder / "transfer.json")


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Strategies by name."""
    return {entry["strategy"]: entry for entry in found["strategies"]}


def test_a_task_that_is_the_same_helps_and_one_that_is_the_opposite_harms(tmp_path: Path) -> None:
    same = by_name(compare(tmp_path, related=1.0))
    assert same["pooled with Li"]["verdict"] == "gain"
    assert same["pooled with Li"]["mae_gain_lower"] > 0
    assert "verdict" not in same[OWN]
    opposite = by_name(compare(tmp_path, related=-1.0))
    assert opposite["Li only (zero-shot)"]["verdict"] == "negative"
    assert opposite["pooled with Li"]["verdict"] == "negative"


def test_ten_own_rows_gain_most(tmp_path: Path) -> None:
    found = compare(tmp_path, related=1.0)
    few, many = [point for point in found["curves"] if point["strategy"] == "pooled with Li"]
    assert few["mae_gain"] > many["mae_gain"] > 0
    assert few["r2_gain"] > many["r2_gain"] > 0
    assert (few["all"], many["all"]) == (False, True)
    own = next(point for point in found["curves"] if (point["strategy"], point["rows"]) == (OWN, 10))
    assert few["mae_gain"] == pytest.approx(own["mae"] - few["mae"])
    assert few["r2_gain"] == pytest.approx(few["r2"] - own["r2"])
    assert (found["own_rows"], found["learned_in_a_fold"]) == (60, 50)
    worth = found["worth_rows"]
    assert worth["rows"] == 10
    best = [point for point in found["curves"] if point["strategy"] == ALL]
    assert worth["gain"] == pytest.approx(found["own"]["mae"] - best[0]["mae"])
    # better only if the whole interval is above zero
    assert (worth["verdict"] == "better") == (worth["gain_lower"] > 0)
    assert found["source_task"]["rows"] == 600
    assert found["source_task"]["r2"] > 0.9


def test_the_predictions_give_the_scores(tmp_path: Path) -> None:
    found = compare(tmp_path, related=0.5)
    frame = pd.read_parquet(tmp_path / "predictions.parquet")
    assert frame["partition"].value_counts().to_dict() == {1: 60, 2: 60, 3: 60}
    for name, entry in by_name(found).items():
        assert np.abs(frame[name] - frame["observed"]).mean() == pytest.approx(entry["mae"])
        # all own rows are the last point of each curve
        last = [point for point in found["curves"] if point["strategy"] == name and point["all"]]
        assert all((point["mae"], point["r2"]) == (entry["mae"], entry["r2"]) for point in last)


def test_the_gain_where_own_rows_are_few_leads(tmp_path: Path) -> None:
    text = describe_transfer(compare(tmp_path, related=1.0), " V")
    assert text.startswith("with 10 own rows pooled with all takes the MAE from ")
    assert " with 10 own rows, against the 50 that a fold has, alone: MAE smaller by " in text
    assert text.index(" takes the MAE from ") < text.index("and R² from ") < text.index("; with all 60 (extra_trees): ")
