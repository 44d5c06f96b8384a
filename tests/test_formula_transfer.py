"""Numbers of own rows, and the strategies of a learning curve of transfer."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from batterymi.config.formula_net import FineTuning
from batterymi.config.load import load_config
from batterymi.config.slices.formula_net import ChainSettings
from batterymi.config.transfer import Transfer
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.features.formula_net import SHIPPED, load_formula_net
from batterymi.files import write_parquet
from batterymi.stages.fine_tune import fine_tune
from batterymi.stages.teach_voltages import teach_voltages
from batterymi.surrogates.formula_transfer import Task, label_predictions, make_chain, make_task, predict_curve
from batterymi.surrogates.nets.formula_chain import draw_rows
from batterymi.surrogates.transfer import ALL, ALL_ROWS, FEATURES, OWN, select_sizes


@pytest.mark.parametrize("sizes", [[-5, 30], [0, 10], [2, 10], [10, 10], [30, 10], [10, 10**9], [True, 10], [9.5]])
def test_numbers_of_own_rows_that_make_no_curve_are_refused(sizes: list[Any]) -> None:
    with pytest.raises(ValidationError):
        Transfer(source=("Li",), sizes=sizes)


def test_numbers_that_no_fold_has_are_left_out_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert select_sizes([ALL_ROWS, 10, 30, 100], [31, 30]) == [ALL_ROWS, 10]
    assert [record.getMessage().split(":")[1] for record in caplog.records] == [
        " 30 own rows are left out",
        " 100 own rows are left out",
    ]


@pytest.mark.parametrize("size", [0, -5])
def test_none_and_less_are_never_taken_as_all(size: int) -> None:
    with pytest.raises(ValueError, match="own rows cannot be drawn"):
        draw_rows([(np.arange(4), np.arange(4, 6))], 6, size, [0, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoders": True}, "formula_net.encoders: give a whole number; found True"),
        ({"seed": 10**23}, "formula_net.seed: give a number less than"),
        ({"encoders": 1, "width": 8, "components": 9}, "components: 9 are more than the 8 numbers of an embedding"),
    ],
)
def test_settings_of_the_pre_training_that_would_be_taken_as_others_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config({"formula_net": settings})


def test_booleans_are_no_numbers_in_any_settings() -> None:
    for settings in ({"rate": True}, {"partitions": True}, {"least_steps": 5000}):
        with pytest.raises(ValidationError):
            FineTuning.model_validate(settings)
    with pytest.raises(ConfigError, match=r"closed_loop.batches: give a whole number"):
        load_config({"closed_loop": {"batches": [8, True]}})


def make_electrodes() -> pd.DataFrame:
    """Return 24 Na electrodes and as many of Li, of equal hosts."""
    metals, centres = ("Fe", "Ti", "Mn", "V"), ("P", "Si")
    hosts = [f"{metal}{centre}O{oxygen}" for metal in metals for centre in centres for oxygen in (3, 4, 5)]
    rows = pd.DataFrame({"charged": hosts * 2, "ion": ["Na"] * 24 + ["Li"] * 24, "line": range(48)})
    rng = np.random.default_rng(0)
    rows = rows.assign(discharged=rows["ion"] + rows["charged"], x=rng.normal(size=48), v=rng.normal(2, 1, size=48))
    return rows.assign(host=rows["charged"], split=np.where(rows["ion"] == "Na", "train", "source"))


SETTINGS = ChainSettings.model_validate(
    {
        "table": {"file": "x.csv", "group": "host"},
        "features": [{"name": "x", "label": "x", "unit": "1"}],
        "descriptors": [],
        "objectives": [{"name": "v", "label": "v", "unit": "V", "goal": "maximise"}],
        "surrogate": {"models": ["dummy", "ridge"], "folds": 3, "bootstraps": 100, "partitions": 2},
        "transfer": {"source": ["Li"], "model": "ridge", "sizes": [5]},
        "fine_tuning": {"teaching_steps": 1, "least_steps": 1, "most_steps": 1, "partitions": 2},
        "seed": 0,
    }
)


@pytest.fixture(scope="module")
def task() -> Task:
    """Return what is predicted in one partition of these electrodes."""
    return make_task(make_electrodes(), SETTINGS, 1)[0]


def test_more_rounds_than_the_encoders_have_cannot_be_tuned(task: Task) -> None:
    rows = make_electrodes()
    with pytest.raises(ConfigError, match=r"tuned_layers: found 4; the encoders have 3 rounds of messages"):
        make_chain(task, rows, load_formula_net(SHIPPED), FineTuning(tuned_layers=4))


def test_predictions_that_are_not_finite_are_no_predictions(task: Task) -> None:
    with pytest.raises(BatteryMIError, match="5 own rows: 1 of 24 predictions are not finite"):
        label_predictions(task, OWN, 5, np.where(np.arange(24) == 3, np.nan, 2.0))


class NoNetworks:
    """Networks that predict a constant, so that a test needs no training."""

    seed = 0

    def tune(self, *_: Any, **__: Any) -> Any:
        """Return a constant."""
        return np.full(24, 2.0)

    train_from_scratch = tune


def test_own_rows_have_the_features_of_compounds_too_and_all_strategies_are_independent(task: Task) -> None:
    """Without them nobody can tell what transfer between ions adds to what the pre-training gives."""
    found = predict_curve(task, NoNetworks(), {"Li": {}, "all": {}}, [ALL_ROWS, 5, 99], 1)  # type: ignore[arg-type]
    assert sorted(found["rows"].unique()) == [ALL_ROWS, 5]
    by_name = {name: part.reset_index() for name, part in found[found["rows"] == 5].groupby("strategy")}
    assert not np.allclose(by_name[OWN + FEATURES]["predicted"], by_name[OWN]["predicted"])
    assert not np.allclose(by_name[OWN + FEATURES]["predicted"], by_name[ALL + FEATURES]["predicted"])
    alone = predict_curve(task, NoNetworks(), {"Li": {}, "all": {}}, [5], 1)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(found[found["rows"] == 5].reset_index(drop=True), alone)
    assert predict_curve(task, NoNetworks(), {}, [99], 2).empty  # type: ignore[arg-type]


def test_networks_of_another_partition_are_refused_before_any_training(tmp_path: Path) -> None:
    """They have seen the rows that are tested, so what they predict would be too good."""
    table = tmp_path / "table.parquet"
    write_parquet(table, make_electrodes())
    taught = tmp_path / "2.safetensors"
    teach_voltages(table, taught, tmp_path / "2.parquet", "2", SETTINGS)
    made = (tmp_path / "predictions.parquet", tmp_path / "times.json")
    fine_tune(table, taught, *made, "2", "2", SETTINGS)
    assert set(pd.read_parquet(made[0])["rows"]) == {5}
    with pytest.raises(BatteryMIError, match=r"not the weights that belong there .*partition: it had 2, now 1"):
        fine_tune(table, taught, *made, "1", "2", SETTINGS)
    write_parquet(table, make_electrodes().assign(v=1.0))
    with pytest.raises(BatteryMIError, match=r"2.safetensors: not the weights that belong there \(rows: it had"):
        fine_tune(table, taught, *made, "2", "2", SETTINGS)
