"""Activation energies by composition: papers stay together, and slopes without an error are left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batterymi.config.models import CrossValidated
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, write_csv
from batterymi.stages.predict_activation_energies import predict_activation_energies
from batterymi.surrogates import activation

METALS = ("P", "Ge", "La", "Zr", "Sn", "Al")


def make_fits(n: int = 40) -> pd.DataFrame:
    """Fits of compounds whose activation energy falls with lithium, of two per paper."""
    chance = np.random.default_rng(0)
    lithium = chance.integers(1, 9, n)
    energy = 0.9 - 0.07 * lithium + 0.01 * chance.normal(size=n)
    return pd.DataFrame(
        {
            "composition": [f"Li{amount}{METALS[row % 6]}S{4 + row % 3}" for row, amount in enumerate(lithium)],
            "doi": [f"10.0/{row // 2}" for row in range(n)],
            "n_points": 4,
            "has_interval": np.arange(n) % 10 != 9,
            activation.ENERGY: energy,
            "activation_energy_low_ev": energy - 0.0430265,
            "activation_energy_high_ev": energy + 0.0430265,
        }
    )


def test_series_of_two_temperatures_are_left_out_and_errors_are_those_of_slopes() -> None:
    problem = activation.make_activation_problem(make_fits())
    assert problem.n_scored == 36
    assert problem.errors == pytest.approx(np.full(36, 0.01), rel=1e-4)  # t of two degrees of freedom is 4.30265
    assert len(set(problem.scored_groups)) == 20


def test_what_composition_says_is_found_and_its_verdict_follows_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = CrossValidated(models=("dummy", "ridge", "support_vector"), folds=4, criterion="absolute")
    monkeypatch.setattr(activation, "METHOD", quick)
    monkeypatch.setattr(activation, "PARTITIONS", 2)
    monkeypatch.setattr(activation, "BOOTSTRAPS", 200)
    write_csv(tmp_path / "fits.csv", make_fits())
    out = tmp_path / "scores.csv", tmp_path / "predictions.parquet"
    predict_activation_energies(tmp_path / "fits.csv", *out)
    scores = pd.read_csv(out[0], index_col="model")
    assert scores.loc["support_vector", "verdict"] == "gain shown"
    assert scores.loc["support_vector", "mae"] < 0.7 * scores.loc["dummy", "mae"]
    assert pd.isna(scores.loc["dummy", "verdict"])
    predicted = read_frame(out[1])
    assert predicted.groupby("partition").size().tolist() == [36, 36]
    error = np.abs(predicted["support_vector"] - predicted["observed"])
    assert error.mean() == pytest.approx(scores.loc["support_vector", "mae"], rel=1e-6)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "fits.csv", pd.DataFrame({"composition": ["Li"]}))
    with pytest.raises(DamagedFileError, match="lacks"):
        predict_activation_energies(tmp_path / "fits.csv", tmp_path / "a.csv", tmp_path / "b.parquet")
