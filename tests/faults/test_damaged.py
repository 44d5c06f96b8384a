"""Files that were cut, garbled, or put in each other's place: one line that names the file, and no traceback."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace
from stages import STAGES, run_stage

from batterymi.config.parts import Feature
from batterymi.errors import BatteryMIError, DamagedFileError, TableError
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet
from batterymi.summary.table import build_summary
from batterymi.surrogates import store
from batterymi.surrogates.models import fit_model
from batterymi.surrogates.store import load_models, save_models

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]
OTHER = "ncm_cathodes"
INPUTS = [(rule, name) for rule, (inputs, _) in STAGES.items() for name in dict.fromkeys(inputs.values())]


@pytest.fixture(scope="module")
def finished(done: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Results that may be spoilt."""
    folder = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(done.folder / "results", folder / "results")
    shutil.copytree(done.folder / "data", folder / "data")
    (folder / "logs").mkdir()
    return Workspace(folder)


@pytest.fixture
def spoil(finished: Workspace) -> Iterator[Any]:
    """Spoil a file, and put it right afterwards."""
    kept: dict[Path, bytes] = {}

    def change(name: str, way: str) -> Path:
        path = finished.folder / "results/sodium_ion" / name
        kept[path] = path.read_bytes()
        data = kept[path]
        if way == "missing":
            path.unlink()
        else:
            path.write_bytes(
                {
                    "cut": data[: len(data) // 2],
                    "empty": b"",
                    "garbled": bytes((byte * 7 + 13) % 256 for byte in data),
                    "swapped": (finished.folder / "results" / OTHER / name).read_bytes(),
                }[way]
            )
        return path

    yield change
    for path, data in kept.items():
        path.write_bytes(data)


WAYS = ("cut", "empty", "garbled", "swapped", "missing")
# what the other study's file says under the same names; the stage has no way to know
UNNOTICED = {
    ("train_surrogate", "table.json"),
    *(("plot_study", name) for name in ("surrogate/metrics.csv", "surrogate/predictions.parquet")),
    *(("plot_study", name) for name in ("surrogate/validation.json", "campaign/history.parquet")),
    ("plot_study", "campaign/benchmark.json"),
    *(("summarise_study", name) for name in ("table.json", "surrogate/metrics.csv", "surrogate/validation.json")),
    ("summarise_study", "campaign/benchmark.json"),
}
CASES = [
    pytest.param(rule, name, way, marks=[] if WAYS[number % 4] == way else [pytest.mark.nightly])
    for number, (rule, name) in enumerate(INPUTS)
    for way in WAYS
]


@pytest.mark.parametrize(("rule", "name", "way"), CASES)
def test_a_spoilt_file_between_two_stages_is_named(
    rule: str, name: str, way: str, finished: Workspace, spoil: Any
) -> None:
    path = spoil(name, way)
    status, log = run_stage(finished, rule)
    assert "unexpected error" not in log, log
    assert "Traceback" not in log
    if status == 0:
        assert way == "swapped"
        assert (rule, name) in UNNOTICED
        return
    assert str(path) in log
    assert "remove the file and run again, it is made anew" in log


@pytest.mark.parametrize("rule", ["train_surrogate", "plot_study"])
def test_a_stage_whose_files_are_right_runs_so(rule: str, finished: Workspace, tmp_path: Path) -> None:
    """The other tests would pass if every run failed."""
    status, log = run_stage(finished, rule, outputs=tmp_path)
    assert status == 0, log
    inside = finished.folder / "results/sodium_ion"
    for path in tmp_path.rglob("*.csv"):
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


@pytest.mark.parametrize("size", range(0, 4000, 97))
def test_no_part_of_a_parquet_file_passes_for_one(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, pd.DataFrame({"x": np.arange(50.0), "y": list("ab") * 25}))
    data = path.read_bytes()
    if size >= len(data):
        return
    path.write_bytes(data[:size])
    with pytest.raises(DamagedFileError, match=r"a\.parquet"):
        read_frame(path)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(300))
def test_a_flipped_byte_of_a_parquet_or_model_file_crashes_nothing(seed: int, tmp_path: Path) -> None:
    chance = np.random.default_rng(seed)
    write_parquet(tmp_path / "a.parquet", pd.DataFrame({"x": np.arange(50.0), "y": list("ab") * 25}))
    for name, read in (("a.parquet", read_frame), ("m.skops", load_models)):
        path = tmp_path / name
        if name == "m.skops":
            save_models(str(path), [stored_model()])
        data = bytearray(path.read_bytes())
        for place in chance.integers(0, len(data), 3):
            data[place] ^= int(chance.integers(1, 256))
        path.write_bytes(bytes(data))
        said = name
        try:
            read(str(path))
        except BatteryMIError as error:
            said = str(error)
        assert name in said
        assert "\n" not in said


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


def stored_model(**changes: Any) -> dict[str, Any]:
    """A small model as `train_surrogate` stores it."""
    features = (Feature(name="x", label="x", unit="1", bounds=(0, 1)),)
    frame = pd.DataFrame({"x": np.linspace(0, 1, 12)})
    model = fit_model("ridge", features, frame, frame["x"].to_numpy() ** 2, 0)
    return {
        "variant": "all_features",
        "objective": "y",
        "model": "ridge",
        "features": ["x"],
        "categories": [],
        "descriptors": [],
        "forests_vary": True,
        "pipeline": model,
        "half_width_per_spread": 0.5,
    } | changes


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
    with pytest.raises(TableError, match="refused: it holds"):
        load_models(str(path))
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["inner", "m.skops"]
    assert not Path("/evil-member").exists()


@pytest.mark.parametrize(
    "changes", [{"pipeline": {"a": 1}}, {"features": [1]}, {"variant": None}, {"extra": 1}], ids=lambda c: next(iter(c))
)
def test_a_model_file_of_other_content_is_no_model(changes: dict[str, Any], tmp_path: Path) -> None:
    path = str(tmp_path / "m.skops")
    save_models(path, [stored_model(**changes)])
    with pytest.raises(DamagedFileError, match="not a model file of this workflow"):
        load_models(path)


def test_a_schema_nested_without_end_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "[" * 1_000_000)
    with pytest.raises(DamagedFileError, match="not a model file"):
        load_models(str(path))


def test_a_spoilt_summary_of_one_study_is_named(tmp_path: Path) -> None:
    outputs = [str(tmp_path / f"summary.{ending}") for ending in ("csv", "md", "html", "txt")]
    write_json(tmp_path / "summary.json", {"title": "no cell"})
    with pytest.raises(DamagedFileError, match=r"summary\.json: not the file that belongs there"):
        build_summary([str(tmp_path / "summary.json")], *outputs)
    assert not list(tmp_path.glob("summary.[cmht]*"))
