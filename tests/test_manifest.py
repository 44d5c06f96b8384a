"""The manifest of a run, and whether a rebuild is told to agree exactly when it does."""

import importlib.metadata
import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from batterymi.errors import DamagedFileError, TableError
from batterymi.files import write_csv, write_json, write_parquet
from batterymi.stages.write_manifest import write_manifest
from batterymi.workflow.comparison import compare_results
from batterymi.workflow.manifest import (
    digest_files,
    find_changed_inputs,
    find_changed_outputs,
    list_outputs,
    read_manifest,
)
from batterymi.workflow.verify import (
    RebuildError,
    compare_verdicts,
    copy_ledgers,
    copy_other_results,
    copy_with_usual_paths,
    copy_workflow,
    find_unlisted,
    rebuild_results,
    verify_run,
)

OLD_NUMPY = "numpy==0.0.1 \\\n    --hash=sha256:" + "0" * 64 + "\n"
NEW_PANDAS = f"pandas=={importlib.metadata.version('pandas')} \\\n    --hash=sha256:" + "1" * 64 + "\n"
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
    (tmp_path / "requirements.lock").write_text(OLD_NUMPY + NEW_PANDAS)
    write(results)
    return results


def write(results: Path, memories: tuple[str, ...] = ()) -> None:
    """The manifest of the study."""
    write_manifest(
        results / "MANIFEST.json",
        studies=["one"],
        settings={"studies": "all"},
        digests=digest_files(INPUTS),
        ledgers=memories,
        made=[r"summary\.csv$", r"(?P<study>one)/(?P<name>table|summary)\.\w+$", r"(?P<study>one)/figures/\w+\.png$"],
    )


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
    write(run)
    assert (run / "MANIFEST.json").read_bytes() == first


def test_changed_inputs_and_outputs_are_named(run: Path) -> None:
    manifest = read_manifest(run / "MANIFEST.json")
    assert find_changed_inputs(manifest) == find_changed_outputs(manifest, run) == []
    Path("data/one.csv").write_text("a,b\n1,3\n")
    Path("requirements.lock").unlink()
    (run / "summary.csv").write_text("name,value\n")
    (run / "one/table.parquet").unlink()
    assert find_changed_inputs(manifest) == ["requirements.lock: is missing", "data/one.csv: was changed since"]
    assert [line.rpartition(": ")[2] for line in find_changed_outputs(manifest, run)] == [
        "is missing",
        "is not what the run wrote",
    ]
    agrees, told = verify_run(run, 1)
    assert not agrees
    assert "data/one.csv: was changed since" in told


@pytest.mark.parametrize(
    ("scale", "word", "agrees"),
    [(1.0, "good", True), (1.00009, "good", True), (1.00011, "good", False), (1.0, "bad", False)],
)
def test_a_rebuild_agrees_within_the_tolerance_only(run: Path, scale: float, word: str, agrees: bool) -> None:
    other = run.parent / "other"
    make_results(other, scale=scale, word=word)
    names = [file.relative_to(other).as_posix() for file in list_outputs(other, ["one"])]
    found = compare_results(run, other, names, names)
    assert found.agrees == agrees
    if agrees and scale != 1:
        assert set(found.close) == {"one/summary.json", "one/table.parquet", "summary.csv"}
        assert max(found.close.values()) == pytest.approx(0.9e-4, rel=0.01)
        assert found.drawn == ["one/figures/data.png"]
    if not agrees:
        assert "row" in found.different["summary.csv"]
        assert "q2" in found.different["one/summary.json"]


def test_figures_of_a_study_whose_numbers_agree_are_not_told_for_the_sake_of_another(run: Path) -> None:
    other = run.parent / "other"
    make_results(other, scale=1.00003)
    for folder, score, byte in ((run, 1.0, b"a"), (other, 2.0, b"b")):
        write_json(folder / "two" / "summary.json", {"q2": score})
        (folder / "two" / "data.png").write_bytes(byte)
        (folder / "page.html").write_bytes(byte)
    names = [
        path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file() and ".sums" not in path.parts
    ]
    names.remove("MANIFEST.json")
    found = compare_results(run, other, names, names)
    assert set(found.different) == {"two/summary.json", "two/data.png", "page.html"}
    assert found.drawn == ["one/figures/data.png"]


def test_a_figure_that_differs_though_its_numbers_don_t_is_no_agreement(run: Path) -> None:
    other = run.parent / "other"
    make_results(other)
    (other / "one/figures/data.png").write_bytes(b"another")
    names = [file.relative_to(other).as_posix() for file in list_outputs(other, ["one"])]
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
    make_results(other, scale=1.00003)
    for folder, digest, rows in ((run, "a" * 64, 5), (other, "b" * 64, 6)):
        write_json(folder / "one" / "table.json", {"sha256": digest, "rows": 5})
        write_parquet(folder / "one" / "traces.parquet", pd.DataFrame({"time_s": range(rows)}))
    names = [file.relative_to(other).as_posix() for file in list_outputs(other, ["one"])]
    found = compare_results(run, other, names, names)
    assert found.agrees
    assert found.close["one/table.json"] == 0
    assert set(found.drawn) == {"one/figures/data.png", "one/traces.parquet"}


def test_files_that_the_run_did_not_make_are_not_listed_but_told(run: Path) -> None:
    listed = set(read_manifest(run / "MANIFEST.json")["outputs"])
    for name in ("one/fidelities/cost.svg", "one/notes.txt", "notes.csv", "arena/table.csv", "two/summary.json"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("")
    write(run)
    manifest = read_manifest(run / "MANIFEST.json")
    assert set(manifest["outputs"]) == listed
    assert find_unlisted(run, manifest) == ["arena", "one/fidelities", "two"]
    agrees, told = verify_run(run, 1, rebuild=False)
    assert agrees
    assert told[-1] == "not part of the manifest, and not compared: arena, one/fidelities, two"


def test_an_input_counts_as_it_was_when_the_run_began_and_a_memory_as_the_run_left_it(run: Path) -> None:
    began = digest_files(INPUTS)
    for path in ("data/one.csv", "memory.jsonl"):
        Path(path).write_text("edited meanwhile\n")
    write_manifest(
        run / "MANIFEST.json", studies=["one"], settings={}, digests=began, ledgers=["memory.jsonl"], made=[".*"]
    )
    manifest = read_manifest(run / "MANIFEST.json")
    assert find_changed_inputs(manifest) == ["data/one.csv: was changed since"]
    Path("memory.jsonl").write_text("and again\n")
    assert "memory.jsonl: was changed since" in find_changed_inputs(manifest)


@pytest.mark.parametrize(
    ("ours", "theirs", "agrees"),
    [
        ([1e-10, 2e-10], [9e-10, 2e-10], False),
        ([1e-17, 2.0], [-3e-17, 2.0], True),
        ([1e-5, 2.0], [2e-5, 2.0], False),
        ([float("inf"), 1.0], [2.0, 1.0], False),
        ([2.0, 1.0], [float("inf"), 1.0], False),
        ([float("inf"), 1.0], [float("-inf"), 1.0], False),
        ([float("inf"), 1.0], [float("inf"), 1.00001], True),
        ([float("nan"), 1.0], [1.0, 1.0], False),
        ([float("nan"), 1.0], [float("nan"), 1.00001], True),
        ([10**400, 1.0], [2.0, 1.0], False),
    ],
)
def test_numbers_agree_by_the_scale_of_their_column_and_infinity_with_itself_only(
    ours: list[float], theirs: list[float], agrees: bool, tmp_path: Path
) -> None:
    names = ["a.csv", "a.json", "a.parquet"] if 10**400 not in ours else ["a.csv", "a.json"]
    for folder, values in (("ours", ours), ("theirs", theirs)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("\n".join(["x", *map(str, values)]) + "\n")
        (tmp_path / folder / "a.json").write_text(json.dumps({"x": values}))
        if "a.parquet" in names:
            write_parquet(tmp_path / folder / "a.parquet", pd.DataFrame({"x": values}))
    found = compare_results(tmp_path / "ours", tmp_path / "theirs", names, names)
    assert found.agrees == agrees
    assert set(found.different) == (set() if agrees else set(names))


def test_a_single_number_of_json_has_no_scale_to_vanish_in(tmp_path: Path) -> None:
    for folder, value in (("ours", 1e-10), ("theirs", 9e-10)):
        (tmp_path / folder).mkdir()
        write_json(tmp_path / folder / "a.json", {"diffusivity": value, "seed": 42})
    found = compare_results(tmp_path / "ours", tmp_path / "theirs", ["a.json"], ["a.json"])
    assert found.different == {"a.json": "diffusivity: 1e-10 and 9e-10"}


def test_only_a_number_of_the_same_study_excuses_a_figure(run: Path) -> None:
    other = run.parent / "other"
    make_results(other)
    (other / "one/figures/data.png").write_bytes(b"another")
    (other / "summary.csv").write_text((run / "summary.csv").read_text().replace("1.5", "1.50"))
    names = [file.relative_to(other).as_posix() for file in list_outputs(other, ["one"])]
    found = compare_results(run, other, names, names)
    assert found.close == {"summary.csv": 0.0}
    assert set(found.different) == {"one/figures/data.png"}
    (other / "summary.csv").write_text((run / "summary.csv").read_text().replace("1.5", "1.50001"))
    assert set(compare_results(run, other, names, names).different) == {"one/figures/data.png"}
    write_json(other / "one/summary.json", {"q2": {"value": 0.250001, "source": "good"}, "empty": [None, 3]})
    assert compare_results(run, other, names, names).drawn == ["one/figures/data.png"]


def test_a_rebuild_works_on_folders_of_its_own(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = run.parent / "elsewhere"
    (own / "campaigns").mkdir(parents=True)
    (own / "campaigns/one.jsonl").write_text("{}\n")
    clean = run.parent / "clean"
    clean.mkdir()
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr("batterymi.workflow.verify.subprocess.run", lambda *_, **__: done)
    folders = {"results": str(own), "logs": str(own), "benchmarks": str(own)}
    copy_ledgers(own / "campaigns", clean)
    rebuild_results(
        clean, {"pathvars": folders, "ledgers": str(own / "campaigns"), "studies": ["one"]}, 1, own / "none"
    )
    settings = json.loads((clean / "verify.json").read_text())
    assert settings["studies"] == ["one"]
    assert str(own) not in (clean / "verify.json").read_text()
    assert settings["pathvars"] == {"results": "results", "logs": "logs", "benchmarks": "logs/benchmarks"}
    assert (clean / settings["ledgers"] / "one.jsonl").read_text() == "{}\n"


def test_results_elsewhere_are_compared_as_if_they_were_at_the_usual_place(run: Path, tmp_path: Path) -> None:
    (run / "one/a.csv").write_text(f"source\n{run}/one/b.csv\nx{run}/one\n")
    (run / "one/b.png").write_bytes(f"{run}/".encode())
    copy = copy_with_usual_paths(run, ["one/a.csv", "one/b.png"], tmp_path)
    assert (copy / "one/a.csv").read_text() == f"source\nresults/one/b.csv\nx{run}/one\n"
    assert (copy / "one/b.png").read_bytes() == (run / "one/b.png").read_bytes()
    assert copy_with_usual_paths(Path("results"), ["one/a.csv"], tmp_path) == Path("results")


def test_a_workflow_that_cannot_be_copied_is_a_clean_error(run: Path) -> None:
    (run.parent / "data/lost.csv").symlink_to("nowhere")
    with pytest.raises(RebuildError, match=r"data/lost\.csv: cannot be copied for the rebuild: .*No such file"):
        copy_workflow(run.parent, run.parent.parent / f"{run.parent.name}-clean", run)


def test_verdicts_of_a_rebuild_are_compared_by_study_and_claim(tmp_path: Path) -> None:
    summary = pd.DataFrame(
        {
            "study": ["a", "b"],
            "best_model": "ridge",
            "verdict": "skill shown",
            "feasibility": "",
            "gain_over_random": "",
            "q2": [0.5, 0.6],
        }
    )
    claims = pd.DataFrame({"id": ["x"], "found": [1.0], "computed": ["reproduced"], "holds": ["holds"]})
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, q2 in ((ours, 0.6), (theirs, 0.7)):
        folder.mkdir()
        summary.assign(q2=[0.5, q2]).to_csv(folder / "summary.csv", index=False)
        claims.to_csv(folder / "claims.csv", index=False)
    assert "all verdicts are the same" in compare_verdicts(ours, theirs)[0]
    summary.loc[1, "verdict"] = "no skill shown"
    summary.iloc[::-1].to_csv(theirs / "summary.csv", index=False)
    claims.assign(holds="does not hold").to_csv(theirs / "claims.csv", index=False)
    assert compare_verdicts(ours, theirs) == [
        "verdicts differ too:",
        "summary.csv: b: verdict: 'skill shown' and 'no skill shown'",
        "claims.csv: x: holds: 'holds' and 'does not hold'",
    ]
    (theirs / "claims.csv").unlink()
    assert compare_verdicts(ours, theirs)[-1] == "claims.csv: x: holds: 'holds' and ''"


def test_a_rebuild_gets_what_the_claims_read_of_targets_of_their_own(tmp_path: Path) -> None:
    results, clean = tmp_path / "results", tmp_path / "clean/results"
    copy_other_results(results, clean)
    assert not clean.exists(), "where the arena was not run, there is nothing to copy"
    (results / "arena").mkdir(parents=True)
    (results / "arena/claims.csv").write_text("id,found\n")
    (results / "arena/charges.parquet").write_text("large")
    copy_other_results(results, clean)
    assert [path.name for path in clean.rglob("*.*") if path.is_file() and path.parent.name == "arena"] == [
        "claims.csv"
    ]
