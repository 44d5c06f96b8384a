"""Scores of a learning curve of transfer, and the voltages that a table of energies gives without a model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batterymi.config.slices.transfer import TransferSettings
from batterymi.data.loaders.mp_compositions import PARTS, load_targets
from batterymi.data.look_up import look_up_voltages
from batterymi.files import read_json, write_parquet
from batterymi.stages.compare_transfer import compare_transfer
from batterymi.surrogates.formula_transfer import SCRATCH, name_zero_shot
from batterymi.surrogates.transfer import ALL, FEATURES, OWN
from batterymi.surrogates.transfer_curve import Curve, describe_saved, describe_scores, join_predictions, select_score

OBSERVED = pd.Series(np.linspace(0, 3, 12), index=range(100, 112))
GROUPS = pd.Series([f"host {place // 2}" for place in range(12)], index=OBSERVED.index)


def make_predictions(strategy: str, rows: int, errors: list[float], partition: int = 1) -> pd.DataFrame:
    """Return predictions that are off by one error in each draw."""
    return pd.concat(
        [
            pd.DataFrame({"strategy": strategy, "rows": rows, "line": OBSERVED.index, "predicted": OBSERVED + error})
            .assign(partition=partition, draw=draw)
            .reset_index(drop=True)
            for draw, error in enumerate(errors, start=1)
        ]
    )


def score(*frames: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of predictions."""
    return Curve(join_predictions(frames), OBSERVED, GROUPS, 3).score(200, 0)


def test_errors_of_draws_are_averaged_and_never_their_predictions() -> None:
    """Draws that are off by +1 and -1 V have an error of 1 V, though the mean of the two is right."""
    found = select_score(score(make_predictions(OWN, 10, [1.0, -1.0])), OWN, 10)
    assert found["mae"] == pytest.approx(1)
    assert found["r2"] == pytest.approx(1 - 1 / OBSERVED.var(ddof=0))
    assert (found["draws"], found["partitions"]) == (2, 1)


def test_gains_are_those_over_the_same_number_of_rows() -> None:
    frames = [
        make_predictions(strategy, rows, [error], partition)
        for partition in (1, 2)
        for strategy, rows, error in ((OWN, 10, 1.0), (OWN, 0, 0.5), (ALL, 10, 0.4), (ALL, 0, 0.3), (SCRATCH, 10, 2.0))
    ]
    found = score(*frames)
    pooled, scratch = select_score(found, ALL, 10), select_score(found, SCRATCH, 10)
    assert pooled["gain_over_own"] == pytest.approx(0.6)
    assert pooled["gain_over_scratch"] == pytest.approx(1.6)
    assert scratch["gain_over_pooled"] == pytest.approx(-1.6)
    assert np.isnan(pooled["gain_over_pooled"])
    # nobody trained a network on all rows
    assert np.isnan(select_score(found, ALL)["gain_over_scratch"])
    assert pooled["partitions"] == 2


def make_scattered(strategy: str, rows: int, error: float, worse: float) -> pd.DataFrame:
    """Return predictions whose errors differ between hosts: half of these are predicted worse."""
    predicted = OBSERVED + error + worse * (np.arange(12) // 2 % 2)
    frame = pd.DataFrame({"strategy": strategy, "rows": rows, "line": OBSERVED.index, "predicted": predicted})
    return frame.assign(partition=1, draw=1).reset_index(drop=True)


def test_rows_are_saved_only_where_the_interval_of_the_paired_difference_is_above_zero() -> None:
    taught = name_zero_shot("all")
    frames = (
        make_predictions(OWN, 0, [0.5]),
        make_predictions(OWN, 10, [1.0]),
        make_predictions(ALL, 10, [0.6]),
        make_predictions(ALL, 30, [0.4]),
        make_predictions(taught, 0, [0.45]).drop(columns="draw"),
        make_scattered(SCRATCH, 10, 0.1, 0.75),
    )
    entries = Curve(join_predictions(frames), OBSERVED, GROUPS, 3).compare_with_all(60, 200, 0)
    found = {(entry["strategy"], entry["own_rows"]): entry for entry in entries}
    assert (OWN, 60) not in found
    assert (found[ALL, 10]["verdict"], found[ALL, 10]["saved_percent"]) == ("worse", None)
    assert found[ALL, 30]["verdict"] == "better"
    assert found[ALL, 30]["saved_percent"] == pytest.approx(50)
    assert found[taught, 0]["saved_percent"] == 100
    texts = describe_scores(Curve(join_predictions(frames), OBSERVED, GROUPS, 3).score(200, 0), "V")
    assert texts[-2].startswith(f"{taught}, no own rows: MAE 0.450 V")
    # better by the mean, 0.475 against 0.5 V, and the interval holds zero
    unsure = found[SCRATCH, 10]
    assert unsure["gain"] == pytest.approx(0.025)
    assert unsure["gain_lower"] < 0 < unsure["gain_upper"]
    assert unsure["saved_percent"] is None
    lines = describe_saved(entries, 60, "V")
    assert lines[0].startswith(f"{ALL}, 30 own rows against 60 alone: MAE smaller by 0.100 V")
    assert lines[-1].endswith(f"no worse than by {-unsure['gain_lower']:.3f} V")


@pytest.fixture
def compositions(tmp_path: Path) -> Path:
    """Return a folder with a small table of the Materials Project's quantities."""
    contents = {
        "matbench_mp_e_form.csv": "Fe1P1O4,-2.3\nLi1Fe1P1O4,-2.4\nLi2Fe2P2O8,-2.5\nNa1Cl1,-2.1\n",
        "matbench_mp_gap.csv": "Na1Cl1,5.0\nNa2Cl2,6.0\nFe1P1O4,1.0\nNa1Cl1,7.5\n",
        "CritExam__Ed_train.csv": "Na1Cl1,-0.9\n",
        "CritExam__Ed_val.csv": "Na1Cl1,0.1\n",
        "CritExam__Ed_test.csv": "K1Cl1,-0.8\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(f"formula,target\n{content}", encoding="utf-8")
    return tmp_path


def test_quantities_of_one_composition_are_one_row(compositions: Path) -> None:
    found = load_targets(compositions).set_index("formula")
    assert found.index.tolist() == ["Fe1P1O4", "Li1Fe1P1O4", "Na1Cl1", "K1Cl1"]
    assert found["e_form"].tolist()[:3] == [-2.3, -2.5, -2.1]
    # the median of the gaps, and the lowest energy of decomposition
    assert found.loc["Na1Cl1", ["gap", "decomposition"]].tolist() == [6.0, -0.9]
    assert np.isnan(found.loc["K1Cl1", "e_form"])


def test_a_voltage_is_looked_up_where_both_energies_are_known(compositions: Path) -> None:
    electrodes = pd.DataFrame(
        {
            "charged": ["Fe2P2O8", "FePO4", "TiO2"],
            "discharged": ["LiFePO4", "NaFePO4", "LiTiO2"],
            "ion": ["Li", "Na", "Li"],
        }
    )
    voltages = look_up_voltages(compositions, electrodes)
    # 7 atoms at -2.5 eV against 6 at -2.3 eV
    np.testing.assert_allclose(voltages[0], 3.7)
    assert np.isnan(voltages[1:]).all()


def test_only_its_own_strategy_has_what_a_network_learned_of_other_compounds(tmp_path: Path) -> None:
    """Own rows only must stay without any transfer, also where a study has the network's features."""
    rng = np.random.default_rng(0)
    metals, centres = ("Fe", "Ti", "Mn", "V", "Co", "Ni"), ("P", "Si", "S")
    hosts = [f"{metal}{centre}O{oxygen}" for metal in metals for centre in centres for oxygen in (3, 4)]
    rows = pd.DataFrame({"charged": hosts * 2, "ion": ["Na"] * 36 + ["Li"] * 36})
    rows["discharged"] = rows["ion"] + rows["charged"]
    rows = rows.assign(line=range(72), x=rng.normal(size=72), v=rng.normal(2, 1, size=72), host=rows["charged"])
    rows["split"] = np.where(rows["ion"] == "Na", "train", "source")
    write_parquet(tmp_path / "table.parquet", rows)
    energies = "\n".join(
        f"{text},{-2 - place / 50}" for place, text in enumerate([*hosts[:9], *rows["discharged"][:9]])
    )
    for name in (
        "matbench_mp_e_form",
        "matbench_mp_gap",
        *(f"CritExam__Ed_{part}" for part in PARTS),
    ):
        (tmp_path / f"{name}.csv").write_text(f"formula,target\n{energies}\n", encoding="utf-8")
    columns = {name: name for name in ("charged", "discharged", "ion")}
    descriptor = {"name": "network", "label": "n", "function": "formula_net", "columns": columns}
    found = {}
    for descriptors in ([], [descriptor]):
        settings = {
            "features": [{"name": "x", "label": "x", "unit": "1"}],
            "descriptors": descriptors,
            "objectives": [{"name": "v", "label": "v", "unit": "V", "goal": "maximise"}],
            "table": {"file": "x.csv", "group": "host"},
            "surrogate": {"models": ["dummy", "ridge"], "folds": 3, "bootstraps": 100, "partitions": 2},
            "transfer": {"source": ["Li"], "model": "ridge", "sizes": [10]},
            "seed": 0,
        }
        files = (tmp_path / name for name in ("table.parquet", "predictions.parquet", "transfer.json"))
        receipt = tmp_path / "receipt.json"
        compare_transfer(*files, settings=TransferSettings.model_validate(settings), compositions=receipt)
        predicted = pd.read_parquet(tmp_path / "predictions.parquet")
        found[bool(descriptors)] = predicted, read_json(tmp_path / "transfer.json")
    plain, described = found[False][0], found[True][0]
    pd.testing.assert_frame_equal(described[plain.columns], plain)
    assert set(described) - set(plain) == {ALL + FEATURES}
    assert not np.allclose(described[ALL + FEATURES], described[ALL])
    report = found[True][1]
    assert report["source_task_with_network"]["rows"] == 36
    assert "source_task_with_network" not in found[False][1]
    # nine rows have both energies, and no verdict may rest on them
    assert report["look_up"]["rows"] == 9
    assert report["look_up"]["objection"].startswith("no model")
