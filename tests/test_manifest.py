"""The manifest of a run, and whether a rebuild is told to agree exactly when it does."""

import json
from pathlib import Path

import pandas as pd
import pytest

from batterymi.errors import DamagedFileError, TableError
from batterymi.files import write_csv, write_json, write_parquet
from batterymi.manifest import (
    RELATIVE,
    check_inputs,
    check_outputs,
    compare_results,
    outputs_of,
    read_manifest,
    write_manifest,
)
from batterymi.verify import copy_workflow, verify

INPUTS = ["config/studies/one.yaml", "data/one.csv", "requirements.lock"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the results of one small study, and their manifest."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    make_results(results)
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/studies/one.yaml").write_text("title: one\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "requirements.lock").write_text("numpy==0.0.1\n")
    write_manifest(str(results / "MANIFEST.json"), studies=["one"], settings={"studies": "all"}, inputs=INPUTS)
    return results


def make_results(folder: Path, *, scale: float = 1.0, word: str = "good") -> None:
    """Results of a run, numbers multiplied by a factor."""
    frame = pd.DataFrame({"name": ["a", word], "value": [1.5 * scale, -2e-7]})
    (folder / "one" / "figures").mkdir(parents=True)
    write_csv(folder / "summary.csv", frame)
    write_parquet(folder / "one" / "table.parquet", frame)
    write_json(folder / "one" / "summary.json", {"q2": {"value": 0.25 * scale, "source": word}, "empty": [None, 3]})
    (folder / "one" / "figures" / "data.png").write_bytes(f"{scale}".encode())


def test_a_manifest_holds_every_file_and_nothing_of_the_machine(run: Path) -> None:
    manifest = read_manifest(run / "MANIFEST.json")
    assert set(manifest["inputs"]) == {"config/studies/one.yaml", "data/one.csv", "requirements.lock"}
    assert set(manifest["outputs"]) == {
        "one/figures/data.png", "one/summary.json", "one/table.parquet", "summary.csv",
    }  # fmt: skip
    assert manifest["not_as_locked"].keys() == {"numpy"}
    assert str(run.parent) not in (run / "MANIFEST.json").read_text()
    first = (run / "MANIFEST.json").read_bytes()
    write_manifest(str(run / "MANIFEST.json"), studies=["one"], settings={"studies": "all"}, inputs=INPUTS)
    assert (run / "MANIFEST.json").read_bytes() == first


def test_changed_inputs_and_outputs_are_named(run: Path) -> None:
    manifest = read_manifest(run / "MANIFEST.json")
    assert check_inputs(manifest) == check_outputs(manifest, run) == []
    Path("data/one.csv").write_text("a,b\n1,3\n")
    Path("requirements.lock").unlink()
    (run / "summary.csv").write_text("name,value\n")
    (run / "one/table.parquet").unlink()
    assert check_inputs(manifest) == ["requirements.lock: is gone", "data/one.csv: was changed since"]
    assert [line.rpartition(": ")[2] for line in check_outputs(manifest, run)] == [
        "is gone",
        "is not what the run wrote",
    ]
    agrees, told = verify(run, 1)
    assert not agrees
    assert "data/one.csv: was changed since" in told


@pytest.mark.parametrize(
    ("scale", "word", "agrees"),
    [(1.0, "good", True), (1 + RELATIVE / 3, "good", True), (1 + 30 * RELATIVE, "good", False), (1.0, "bad", False)],
)
def test_a_rebuild_agrees_within_the_tolerance_only(run: Path, scale: float, word: str, agrees: bool) -> None:
    other = run.parent / "other"
    make_results(other, scale=scale, word=word)
    names = [file.relative_to(other).as_posix() for file in outputs_of(other, ["one"])]
    found = compare_results(run, other, names, names)
    assert found.agrees == agrees
    if agrees and scale != 1:
        assert set(found.close) == {"one/summary.json", "one/table.parquet", "summary.csv"}
        assert max(found.close.values()) == pytest.approx(RELATIVE / 3, rel=0.01)
        assert found.drawn == ["one/figures/data.png"]
    if not agrees:
        assert "row" in found.different["summary.csv"]
        assert "q2" in found.different["one/summary.json"]


def test_a_figure_that_differs_though_its_numbers_don_t_is_no_agreement(run: Path) -> None:
    other = run.parent / "other"
    make_results(other)
    (other / "one/figures/data.png").write_bytes(b"another")
    names = [file.relative_to(other).as_posix() for file in outputs_of(other, ["one"])]
    found = compare_results(run, other, names, [*names, "one/more.csv"])
    assert found.missing == ["one/more.csv"]
    assert "made from numbers that are the same" in found.different["one/figures/data.png"]


def test_a_manifest_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="run snakemake first"):
        read_manifest(tmp_path / "MANIFEST.json")
    (tmp_path / "MANIFEST.json").write_text("{")
    with pytest.raises(DamagedFileError, match="not the JSON"):
        read_manifest(tmp_path / "MANIFEST.json")
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"studies": []}))
    with pytest.raises(DamagedFileError, match="it lacks 'settings'"):
        read_manifest(tmp_path / "MANIFEST.json")


def test_a_clean_copy_has_no_results_and_no_downloads(run: Path) -> None:
    for folder in (".git", "data/raw/one", "logs", ".snakemake"):
        (run.parent / folder).mkdir(parents=True)
    target = run.parent.parent / f"{run.parent.name}-clean"
    copy_workflow(run.parent, target, run)
    left = {path.relative_to(target).as_posix() for path in target.rglob("*")}
    assert left == {"config", "config/studies", "config/studies/one.yaml", "data", "data/one.csv", "requirements.lock"}


def test_digests_of_tables_and_points_of_a_solver_are_not_numbers(run: Path) -> None:
    other = run.parent / "other"
    make_results(other, scale=1 + RELATIVE / 3)
    for folder, digest, rows in ((run, "a" * 64, 5), (other, "b" * 64, 6)):
        write_json(folder / "one" / "table.json", {"sha256": digest, "rows": 5})
        write_parquet(folder / "one" / "traces.parquet", pd.DataFrame({"time_s": range(rows)}))
    names = [file.relative_to(other).as_posix() for file in outputs_of(other, ["one"])]
    found = compare_results(run, other, names, names)
    assert found.agrees
    assert found.close["one/table.json"] == 0
    assert set(found.drawn) == {"one/figures/data.png", "one/traces.parquet"}
