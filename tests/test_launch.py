"""What is checked before a run's first job, and how a job's files reach its stage by name."""

import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batterymi.config.parts import Strict
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.workflow.launch import (
    find_encoding_problems,
    find_slurm_problems,
    find_target_problems,
    makes_nothing,
    read_options,
    report_ledgers,
)
from batterymi.workflow.refuse import stop
from batterymi.workflow.run import bind_arguments


class Settings(Strict):
    """Settings of a stage."""

    seed: int


@dataclass(frozen=True)
class Files:
    """Files of a stage."""

    metrics: Path
    card: Path


def job(**given: Any) -> Any:
    """What Snakemake gives to a script."""
    parts = ("input", "output", "params", "wildcards", "resources")
    return SimpleNamespace(threads=2, **{part: given.get(part, {}) for part in parts})


def test_files_reach_a_stage_by_name() -> None:
    def stage(table: Path, shards: list[Path], pool: Path | None, model: Path, study: str, settings: Settings) -> None:
        """Take one of each."""

    found = bind_arguments(
        stage,
        job(
            input={"table": "a.parquet", "shards": ["1", "2"], "pool": [], "code": ["x.py"]},
            output={"model": "m.skops"},
            params={"settings": {"seed": 3}},
            wildcards={"study": "mine"},
        ),
    )
    assert found == {
        "table": Path("a.parquet"),
        "shards": [Path("1"), Path("2")],
        "pool": None,
        "model": Path("m.skops"),
        "study": "mine",
        "settings": Settings(seed=3),
    }


def test_a_dataclass_takes_the_files_named_after_its_fields() -> None:
    def stage(files: Files, processes: int) -> None:
        """Take several."""

    found = bind_arguments(stage, job(output={"metrics": "m.csv", "card": "c.md"}))
    assert found == {"files": Files(Path("m.csv"), Path("c.md")), "processes": 2}


def test_an_output_that_no_parameter_takes_is_an_error() -> None:
    def stage(metrics: Path) -> None:
        """Take one."""

    with pytest.raises(TypeError, match="nothing writes card"):
        bind_arguments(stage, job(output={"metrics": "m.csv", "card": "c.md"}))


def test_a_parameter_that_the_rule_does_not_name_is_an_error() -> None:
    def stage(tables: Path) -> None:
        """Take one."""

    with pytest.raises(TypeError, match="its rule has no 'tables'"):
        bind_arguments(stage, job(input={"table": "t"}))


def test_a_misspelt_target_is_named_and_files_are_left_alone() -> None:
    rules = ["all", "screens"]
    assert find_target_problems(["results/x.csv", "x.csv", "screens", "sodium_ion"], ["sodium_ion"], rules) == []
    (found,) = find_target_problems(["sodium_iom"], ["sodium_ion"], rules)
    assert "did you mean 'sodium_ion'" in found


def options(**given: Any) -> Namespace:
    """Options of a command line."""
    return Namespace(**{"executor": None, "dryrun": False, "slurm_array_jobs": None, "jobs": sys.maxsize} | given)


def test_slurm_is_looked_for_only_where_jobs_go_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_slurm_problems(options()) == find_slurm_problems(options(executor="slurm", dryrun=True)) == []
    (found,) = find_slurm_problems(options(executor="slurm"))
    assert "no 'sbatch'" in found


def test_arrays_with_a_limit_of_jobs_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_slurm_problems(options(executor="slurm", slurm_array_jobs="all")) == []
    (found,) = find_slurm_problems(options(executor="slurm", slurm_array_jobs="all", jobs=2))
    assert "jobs: 2" in found


def test_a_folder_that_the_encoding_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_encoding_problems(Path("/é")) == []
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert find_encoding_problems(Path("/e")) == []
    assert "PYTHONUTF8=1" in find_encoding_problems(Path("/é"))[0]


@pytest.mark.parametrize(("words", "nothing"), [(["-n"], True), (["--dag"], True), (["--cores", "1"], False)])
def test_runs_that_only_show_are_known(words: list[str], nothing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["snakemake", *words])
    assert makes_nothing(read_options()) is nothing


def test_problems_end_the_run_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        stop(["one", "two"])
    assert caught.value.code == 1
    assert capsys.readouterr().err == "\nbattery-mi cannot start:\n  one\n  two\n"


def test_a_ledger_that_lacks_a_line_is_told_before_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.jsonl"
    for number in range(3):
        Ledger(path).add(f"k{number}", number, [{"design": {"a": number}, "predicted": {}}])
    report_ledgers([str(path), str(tmp_path / "none.jsonl")])
    assert capsys.readouterr().err == ""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    report_ledgers([str(path)])
    assert capsys.readouterr().err.startswith(f"battery-mi: {path}: line 2 (batch 3): batch 2 is missing before it\n")
