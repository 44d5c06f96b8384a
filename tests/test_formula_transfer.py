"""Numbers of own rows, and the strategies of a learning curve of transfer."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from batterymi.config.slices.formula_net import ChainSettings
from batterymi.config.transfer import Transfer
from batterymi.surrogates.formula_transfer import Task, make_task, predict_curve
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


def make_electrodes() -> pd.DataFrame:
    """Return 24 Na electrodes and as many of Li, of equal hosts."""
    metals, centres = ("Fe", "Ti", "Mn", "V"), ("P", "Si")
    hosts = [f"{metal}{centre}O{oxygen}" for metal in metals for centre in centres for oxygen in (3, 4, 5)]
    rows = pd.DataFrame({"charged": hosts * 2, "ion": ["Na"] * 24 + ["Li"] * 24, "line": range(48)})
    rng = np.random.default_rng(0)
    rows = rows.assign(discharged=rows["ion"] + rows["charged"], x=rng.normal(size=48), v=rng.normal(2, 1, size=48))
    return rows.assign(host=rows["charged"], split=np.where(rows["ion"] == "Na", "train", "source"))


@pytest.fixture(scope="module")
def task() -> Task:
    """Return what is predicted in one partition of these electrodes."""
    settings = {
        "table": {"file": "x.csv", "group": "host"},
        "features": [{"name": "x", "label": "x", "unit": "1"}],
        "descriptors": [],
        "objectives": [{"name": "v", "label": "v", "unit": "V", "goal": "maximise"}],
        "surrogate": {"models": ["dummy", "ridge"], "folds": 3, "bootstraps": 100, "partitions": 2},
        "transfer": {"source": ["Li"], "model": "ridge", "sizes": [5]},
        "fine_tuning": {},
        "seed": 0,
    }
    return make_task(make_electrodes(), ChainSettings.model_validate(settings), 1)[0]


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
