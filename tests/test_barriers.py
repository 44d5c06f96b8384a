"""Migration barriers: paths are read and described as they are, and hosts stay together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.config.models import CrossValidated
from batterymi.data.loaders.migration_barriers import load_barriers
from batterymi.errors import DamagedFileError, TableError
from batterymi.features.lattice import ANION_RADII
from batterymi.features.migration_paths import (
    N_POINTS,
    PROFILES,
    MigrationPath,
    PathError,
    compute_profiles,
    describe_path,
)
from batterymi.files import read_frame, read_json
from batterymi.stages.describe_barriers import describe_barriers
from batterymi.stages.plot_barriers import plot_barriers
from batterymi.stages.predict_barriers import predict_barriers
from batterymi.surrogates import barriers
from batterymi.vocabulary.elements import INDEX

# an ion that passes midway between two oxygens 4 Å apart, from one side to the other, in a cell of 20 Å
CELL = np.diag([20.0, 20.0, 20.0])
SQUEEZE = MigrationPath(
    "Li",
    CELL,
    np.array([[0.35, 0.5, 0.5], [0.65, 0.5, 0.5]]),
    np.array([[0.5, 0.4, 0.5], [0.5, 0.6, 0.5], [0.5, 0.5, 0.65], [0.8, 0.5, 0.5]]),
    np.array([INDEX[symbol] for symbol in ("O", "O", "Mn", "Li")]),
)


def test_a_squeeze_between_two_oxygens_has_the_gap_that_it_was_built_with() -> None:
    profiles = compute_profiles(SQUEEZE)
    assert set(profiles) == set(PROFILES)
    radius = ANION_RADII["O"]
    assert profiles["gap"][4] == pytest.approx(2.0 - radius)
    assert profiles["gap"][0] == profiles["gap"][8] == pytest.approx(np.sqrt(13) - radius)
    assert profiles["coordination"].tolist() == [0, 0, 2, 2, 2, 2, 2, 0, 0]  # nearer than 1.40 + 0.76 + 0.6 Å
    assert profiles["cation distance"][4] == pytest.approx(3.0)
    assert profiles["ion distance"][8] == pytest.approx(3.0)
    # two bonds of 2.00 Å; the formula of O'Keeffe and Brese gives 1.497 Å to a bond of Li and O of valence 1
    assert profiles["bond valence"][4] == pytest.approx(np.log(2 * np.exp((1.4969 - 2.0) / 0.31)), abs=1e-3)
    found = describe_path(SQUEEZE)
    assert len(found) == 102
    assert found["gap: middle over ends"] == pytest.approx(2 - np.sqrt(13))
    assert found["hop (Å)"] == pytest.approx(6.0)
    assert found["volume per atom (Å3)"] == pytest.approx(2000.0)
    assert found["mobile ions per atom"] == 0.25
    assert SQUEEZE.host_system == "Mn-O"


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from([0, 1, 2]))
def test_descriptors_depend_on_neither_end_nor_origin_nor_order_nor_cell(seed: int, axis: int) -> None:
    chance = np.random.default_rng(seed)
    elements = np.array([INDEX[symbol] for symbol in chance.choice(["O", "S", "Mn", "Na"], 6)])
    elements[0] = INDEX["O"]
    cell = np.diag([5.0, 6.0, 7.0]) + chance.uniform(-0.8, 0.8, (3, 3))
    path = MigrationPath("Na", cell, chance.uniform(-0.5, 1.5, (2, 3)), chance.uniform(0, 1, (6, 3)), elements)
    plain = describe_path(path)
    order, shift = chance.permutation(6), chance.uniform(-2, 2, 3)
    moved = replace(
        path, ends=path.ends[::-1] + shift, positions=path.positions[order] + shift, elements=elements[order]
    )
    assert describe_path(moved) == pytest.approx(plain, abs=1e-6)
    # twice the cell along one axis, and its atoms
    doubled, half = cell.copy(), np.ones(3)
    doubled[axis] *= 2
    half[axis] = 0.5
    step = np.zeros(3)
    step[axis] = 0.5
    twice = MigrationPath(
        *("Na", doubled, path.ends * half),
        np.concatenate([path.positions * half, path.positions * half + step]),
        np.tile(elements, 2),
    )
    assert describe_path(twice) == pytest.approx(plain, abs=1e-6)


def test_ions_and_hosts_that_cannot_be_described_are_named() -> None:
    with pytest.raises(PathError, match="the ion Cu is none of Li, Na"):
        describe_path(replace(SQUEEZE, ion="Cu"))
    with pytest.raises(PathError, match="the host Mn has none of the anions O, S"):
        describe_path(replace(SQUEEZE, elements=np.array([INDEX["Mn"]] * 4)))
    phosphide = replace(SQUEEZE, elements=np.array([INDEX[symbol] for symbol in ("P", "P", "Mn", "Li")]))
    assert compute_profiles(phosphide)["gap"][N_POINTS // 2] == pytest.approx(2.0 - 2.12)
    phosphate = replace(SQUEEZE, elements=np.array([INDEX[symbol] for symbol in ("O", "O", "P", "Li")]))
    assert compute_profiles(phosphate)["cation distance"][4] == pytest.approx(3.0)


def test_records_that_are_no_paths_are_left_out_with_the_reason() -> None:
    found = load_barriers(SAMPLES / "migration_barriers")
    assert (found.n_in, len(found.rows), len(found.paths)) == (20, 17, 17)
    assert [(fault["line"], fault["reason"]) for fault in found.dropped] == [
        (4, "the barrier 0 eV is not above 0"),
        (8, "the first 5 atoms are Na Na Fe Na Na, not images of one ion"),
        (12, "the steps between images differ by 1.600 Å"),
    ]
    rows = found.rows
    assert rows["split"].value_counts().to_dict() == {"train": 12, "test": 5}
    assert rows["host_system"].unique().tolist() == ["Mn-O", "Fe-O", "S-Ti", "Co-Se", "F-V"]
    assert rows.loc[rows["split"] == "train", "published_ev"].isna().all()
    assert rows["published_ev"].iloc[-1] == pytest.approx(rows["barrier_ev"].iloc[-1] + 0.1)
    assert rows["mace_ev"].isna().sum() == 1
    assert np.ptp(found.paths[0].ends[:, 0]) == pytest.approx(0.4)
    assert len(found.paths[0].positions) == 5  # without the images


@pytest.mark.parametrize(("content", "message"), [("{}", "expected a list"), ("[1, 2]", "none of"), ("[", "cannot be")])
def test_a_file_of_something_else_is_named(content: str, message: str, tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"RAW-Em-5-images-{part}.json").write_text(content)
    with pytest.raises(TableError, match=message):
        load_barriers(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target": "high"}, "no number"),
        ({"target": float("nan")}, "not above 0"),
        ({"lattice_mat": [[1, 0, 0], [2, 0, 0], [0, 0, 1]]}, "a cell without volume"),
        ({"coords": [[0, 0, 0]]}, "coordinates of shape"),
        ({"elements": ["Xx"] * 10}, "'Xx' is no element"),
        ({"elements": ["Li"] * 10}, "no host but the mobile ion"),
        ({"coords": [[0, 0, 0]] * 10}, "does not move"),
    ],
)
def test_a_damaged_record_is_left_out_and_says_why(change: dict[str, object], reason: str, tmp_path: Path) -> None:
    source = SAMPLES / "migration_barriers"
    for path in source.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    records = json.loads((source / "RAW-Em-5-images-TEST.json").read_text())
    for key, value in change.items():
        (records[0] if key == "target" else records[0]["atoms"])[key] = value
    (tmp_path / "RAW-Em-5-images-TEST.json").write_text(json.dumps(records))
    last = load_barriers(tmp_path).dropped[-1]
    assert (last["file"], last["line"]) == ("RAW-Em-5-images-TEST.json", 1)
    assert reason in last["reason"]


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets")
def test_published_scores_follow_from_the_published_predictions(tmp_path: Path) -> None:
    import gzip

    for path in (MIRROR / "migration_barriers").glob("*"):
        content = path.read_bytes()
        (tmp_path / path.name.removesuffix(".gz")).write_bytes(
            gzip.decompress(content) if path.suffix == ".gz" else content
        )
    rows = load_barriers(tmp_path).rows
    assert len(rows) == 619
    test = rows[rows["split"] == "test"]
    miss = test["published_ev"] - test["barrier_ev"]
    assert miss.abs().mean() == pytest.approx(0.261, abs=5e-4)
    assert 1 - (miss**2).mean() / test["barrier_ev"].var(ddof=0) == pytest.approx(0.703, abs=5e-4)
    assert barriers.count_shared(rows) == {"test": 60, "system_shared": 22, "host_system_shared": 50}


def test_hosts_are_held_out_as_a_whole_and_what_is_in_the_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = CrossValidated(models=("dummy", "ridge", "blend"), folds=4, blend=("ridge", "support_vector"))
    monkeypatch.setattr(barriers, "METHOD", quick)
    names = ("mean", "mean_by_ion", "dummy", "ridge", "blend")
    monkeypatch.setattr(barriers, "WHAT", {name: barriers.WHAT[name] for name in names})
    monkeypatch.setattr(barriers, "PARTITIONS", 2)
    monkeypatch.setattr(barriers, "BOOTSTRAPS", 200)
    out = {name: tmp_path / name for name in ("rows.parquet", "paths.parquet", "rows.json")}
    describe_barriers(SAMPLES / "migration_barriers" / "receipt.json", *out.values())
    assert read_json(out["rows.json"])["by_split"] == {"train": 12, "test": 5}
    # barriers that follow from the hop, for every host
    rows, paths = read_frame(out["rows.parquet"]), read_frame(out["paths.parquet"])
    chance = np.random.default_rng(0)
    many = pd.concat([rows] * 6, ignore_index=True)
    paths = pd.concat([paths] * 6, ignore_index=True)
    paths["hop (Å)"] = chance.uniform(1, 4, len(paths))
    many = many.assign(line=range(1, len(many) + 1), name=[f"n{n}" for n in range(len(many))])
    many["barrier_ev"] = 0.1 * np.exp(0.6 * paths["hop (Å)"])
    many["kind"] = [f"kind {n % 6}" for n in range(len(many))]
    many["host_system"] = [f"{system} {n // 17 % 3}" for n, system in enumerate(many["host_system"])]
    many.to_parquet(tmp_path / "many.parquet")
    paths.to_parquet(tmp_path / "ways.parquet")
    made = [tmp_path / name for name in ("scores.csv", "kinds.csv", "official.csv", "all.parquet", "report.json")]
    predict_barriers(tmp_path / "many.parquet", tmp_path / "ways.parquet", *made)
    scores, kinds, official = (pd.read_csv(path, index_col="model") for path in made[:3])
    assert list(scores.index) == [*names, "mace_ev"]
    assert list(official.index) == [*names, "published_ev"]
    assert scores.loc["blend", "verdict"] == "gain shown"
    assert scores.loc["blend", "mae"] < 0.5 * scores.loc["mean", "mae"]
    assert scores.loc["blend", "groups"] == 15
    assert list(kinds.index) == ["mean", "mean_by_ion", "ridge", "blend"]
    assert kinds.loc["blend", "groups"] == 6
    predictions = read_frame(made[3])
    assert predictions["partition"].value_counts().to_dict() == {1: 102, 2: 102, 0: 30}
    held_out = predictions[predictions["partition"] == 1]
    # the mean of what was learned from is that of a fold, and a host lies in one fold
    assert held_out.groupby("group")["mean"].nunique().max() == 1
    error = (held_out["blend"] - held_out["observed"]).abs().mean()
    second = predictions[predictions["partition"] == 2]
    error += (second["blend"] - second["observed"]).abs().mean()
    assert scores.loc["blend", "mae"] == pytest.approx(error / 2)
    assert held_out["blend"].max() <= many["barrier_ev"].max()
    assert read_json(made[4])["official"]["test"] == 30
    plot_barriers(made[3], made[0], made[2], tmp_path / "f.svg", tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000
    paths.iloc[1:].to_parquet(tmp_path / "ways.parquet")
    with pytest.raises(DamagedFileError, match="101 paths, and 102 barriers"):
        predict_barriers(tmp_path / "many.parquet", tmp_path / "ways.parquet", *made)
