"""Files that were cut, garbled, or put in each other's place: one line that names the file, and no traceback."""

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from conftest import Workspace
from stages import STAGES, run_stage

from batterymi.config.parts import Feature
from batterymi.errors import BatteryMIError, DamagedFileError, TableError
from batterymi.files import CHECKSUM_FOLDER, read_frame, read_json, write_bytes, write_csv, write_json, write_parquet
from batterymi.stages.build_summary import build_summary
from batterymi.surrogates import store
from batterymi.surrogates.model import Options, make_model
from batterymi.surrogates.store import StoredModel, load_models, save_models
from batterymi.surrogates.widening import make_no_widening

pytestmark = pytest.mark.slow
OTHER = "ncm_cathodes"
INPUTS = [(rule, name) for rule, (inputs, _) in STAGES.items() for name in dict.fromkeys(inputs.values())]


@pytest.fixture(scope="module")
def finished(done: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Results that may be spoilt."""
    return copy_results(done, tmp_path_factory.mktemp("spoilt"))


@pytest.fixture(scope="module")
def unrecorded(done: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Results without records, as those that were copied from elsewhere file by file."""
    folder = tmp_path_factory.mktemp("unrecorded")
    return copy_results(done, folder, ignore=shutil.ignore_patterns(CHECKSUM_FOLDER))


def copy_results(done: Workspace, folder: Path, **options: Any) -> Workspace:
    """A copy of results and of what they were made from."""
    shutil.copytree(done.folder / "results", folder / "results", **options)
    shutil.copytree(done.folder / "data", folder / "data")
    (folder / "logs").mkdir()
    return Workspace(folder)


@contextmanager
def spoilt(workspace: Workspace, name: str, way: str) -> Iterator[Path]:
    """Spoil a file, and put it right afterwards."""
    path = workspace.folder / "results/sodium_ion" / name
    data = path.read_bytes()
    place = int(np.random.default_rng(zlib.crc32(name.encode())).integers(len(data)))
    path.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "empty": b"",
            "garbled": bytes((byte * 7 + 13) % 256 for byte in data),
            "flipped": data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :],
            "swapped": (workspace.folder / "results" / OTHER / name).read_bytes(),
            "missing": b"",
        }[way]
    )
    if way == "missing":
        path.unlink()
    yield path
    path.write_bytes(data)


def assert_told(workspace: Workspace, rule: str, name: str, way: str) -> str:
    """Spoil an input of a stage and run it; what the log says, with the file and the remedy."""
    with spoilt(workspace, name, way) as path:
        status, log = run_stage(workspace, rule)
    case = f"{rule}, {name} {way}: {log}"
    assert status == 1, case
    assert f"error: {path}: " in log, case
    assert "remove the file and run again to make it once more" in log, case
    assert "Traceback" not in log, case
    assert len(log.splitlines()) <= 5, case
    return log


@pytest.mark.parametrize("rule", dict(INPUTS))
def test_a_flipped_bit_and_a_file_of_another_study_are_told_at_every_stage(rule: str, finished: Workspace) -> None:
    for name in (name for one, name in INPUTS if one == rule):
        for way in ("flipped", "swapped"):
            assert "not what was written there: its SHA-256 is " in assert_told(finished, rule, name, way)


@pytest.mark.parametrize("way", ["cut", "empty", "garbled", "missing"])
def test_a_file_without_a_record_that_was_spoilt_is_named(way: str, unrecorded: Workspace) -> None:
    for rule, name in INPUTS:
        assert_told(unrecorded, rule, name, way)


@pytest.mark.parametrize("name", ["table.parquet", "campaign/suggestions.csv", "campaign/reference_designs.csv"])
def test_a_table_without_a_record_that_lacks_a_column_is_named(name: str, unrecorded: Workspace) -> None:
    assert "it lacks the column" in assert_told(unrecorded, "plot_study", name, "swapped")


def test_a_file_that_was_removed_is_made_anew_and_read(finished: Workspace) -> None:
    path = finished.folder / "results/sodium_ion/table.json"
    path.write_bytes(b"{}")
    assert run_stage(finished, "summarise_study")[0] == 1
    path.unlink()
    assert run_stage(finished, "prepare_table")[0] == 0
    assert run_stage(finished, "summarise_study")[0] == 0


@pytest.mark.parametrize("rule", ["prepare_table", "plot_study"])
def test_a_stage_whose_files_are_right_runs_so(rule: str, finished: Workspace, tmp_path: Path) -> None:
    """The other tests would pass if every run failed."""
    status, log = run_stage(finished, rule, outputs=tmp_path)
    assert status == 0, log
    inside = finished.folder / "results/sodium_ion"
    made = [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".svg")]
    assert made
    for path in made:
        assert path.read_bytes() == (inside / path.relative_to(tmp_path)).read_bytes()


def test_a_table_cut_at_the_end_of_a_line_shows_as_missing_values_not_as_a_crash(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]}))
    data = (tmp_path / "a.csv").read_bytes()
    for size in range(len(data) - 1):
        (tmp_path / "cut.csv").write_bytes(data[:size])
        if data[:size].endswith(b"\n"):
            assert len(read_frame(tmp_path / "cut.csv")) == data[:size].count(b"\n") - 1
        else:
            with pytest.raises(DamagedFileError, match=r"cut\.csv"):
                read_frame(tmp_path / "cut.csv")


def test_no_part_of_a_parquet_file_passes_for_one(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", pd.DataFrame({"x": np.arange(50.0), "y": list("ab") * 25}))
    data = (tmp_path / "a.parquet").read_bytes()
    for size in range(0, len(data), 97):
        (tmp_path / "cut.parquet").write_bytes(data[:size])
        with pytest.raises(DamagedFileError, match=r"cut\.parquet: not the table"):
            read_frame(tmp_path / "cut.parquet")


@pytest.mark.parametrize("cases", [10, pytest.param(300, marks=pytest.mark.nightly)])
def test_flipped_bytes_of_a_parquet_or_model_file_without_a_record_crash_nothing(cases: int, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", pd.DataFrame({"x": np.arange(50.0), "y": list("ab") * 25}))
    save_models(str(tmp_path / "m.skops"), [stored_model()])
    for name, read in (("a.parquet", read_frame), ("m.skops", load_models)):
        whole = (tmp_path / name).read_bytes()
        path = tmp_path / f"flipped-{name}"
        for seed in range(cases):
            chance = np.random.default_rng(seed)
            data = bytearray(whole)
            for place in chance.integers(0, len(data), 3):
                data[place] ^= int(chance.integers(1, 256))
            path.write_bytes(bytes(data))
            said = name
            try:
                read(str(path))
            except BatteryMIError as error:
                said = str(error)
            assert name in said, seed
            assert "\n" not in said, seed


def test_a_json_file_that_is_no_json_or_another_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for data in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nan nan"):
        path.write_bytes(data)
        with pytest.raises(DamagedFileError, match=r"a\.json: not the JSON"):
            read_json(path)
    for content in ([1], {"b": 1}, "text", None):
        write_json(path, content)
        with pytest.raises(DamagedFileError, match=r"a\.json: not the file that belongs there: it lacks 'a'"):
            read_json(path, needs=["a"])


def stored_model() -> StoredModel:
    """A small model as `train_surrogate` stores it."""
    features = (Feature(name="x", label="x", unit="1", bounds=(0, 1)),)
    frame = pd.DataFrame({"x": np.linspace(0, 1, 12)})
    return StoredModel(
        variant="all_features",
        objective="y",
        features=["x"],
        categories=[],
        descriptors=[],
        fitted=make_model("ridge", Options(), {}).fit(features, frame, frame["x"].to_numpy() ** 2),
        half_width_per_spread=0.5,
        widening=make_no_widening(),
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(64 << 20))
    monkeypatch.setattr(store, "MAX_BYTES", 32 << 20)
    assert path.stat().st_size < 100_000
    with pytest.raises(TableError, match=r"m\.skops: refused: it unpacks to 1 members of 67 MB altogether"):
        load_models(str(path))
    monkeypatch.setattr(store, "MAX_MEMBERS", 100)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(101):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(TableError, match="unpacks to 101 members"):
        load_models(str(path))


def test_a_bomb_that_lies_about_its_size_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(50 << 20))
    size = (50 << 20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(DamagedFileError, match="not a model file"):
        load_models(str(path))


@pytest.mark.parametrize("member", ["../evil", "/evil-member", "a/../../evil", "..\\evil"])
def test_members_that_lead_out_of_the_archive_reach_no_file(member: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = folder / "m.skops"
    save_models(str(path), [stored_model()])
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = content.pop("schema.json").decode()
    first = next(iter(content))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema.replace(f'"{first}"', json.dumps(member)))
        for name, data in content.items():
            archive.writestr(member if name == first else name, data)
    shutil.rmtree(folder / CHECKSUM_FOLDER)
    with pytest.raises(TableError, match="refused: it holds"):
        load_models(str(path))
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["inner", "m.skops"]
    assert not Path("/evil-member").exists()


def test_a_model_file_of_other_content_is_no_model(tmp_path: Path) -> None:
    path = str(tmp_path / "m.skops")
    model = stored_model()
    parts = model.fitted.export()
    whole = vars(model) | {"fitted": parts, "widening": model.widening.export()}
    wrong = ({"a": 1}, {"name": "ridge"}, parts | {"name": "no_model"}, parts | {"encoder": 1}, parts | {"extra": 1})
    changed = [{"fitted": one} for one in wrong]
    for changes in (*changed, {"features": [1]}, {"variant": None}, {"extra": 1}):
        write_bytes(path, skops.io.dumps([whole | changes]))
        with pytest.raises(DamagedFileError, match="not a model file of this workflow"):
            load_models(path)


def test_a_schema_nested_without_end_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "[" * 1_000_000)
    with pytest.raises(DamagedFileError, match="not a model file"):
        load_models(str(path))


def test_a_spoilt_summary_of_one_study_is_named(tmp_path: Path) -> None:
    outputs = [tmp_path / f"summary.{ending}" for ending in ("csv", "md", "txt", "html")]
    write_json(tmp_path / "summary.json", {"title": "no cell"})
    with pytest.raises(DamagedFileError, match=r"summary\.json: not the file that belongs there"):
        build_summary([tmp_path / "summary.json"], *outputs)
    assert not list(tmp_path.glob("summary.[cmht]*"))
