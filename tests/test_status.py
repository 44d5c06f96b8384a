"""`batterymi status` and the account of a run: done, running, failed, broken off, nothing yet, damaged folders."""

import json
import logging
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from notebook_cells import make_project
from own_study import STUDY

from batterymi.cli.main import main
from batterymi.progress import Progress, format_duration, track
from batterymi.workflow import run_progress
from batterymi.workflow.run_progress import Account, Job, RunProgress, read_expected
from batterymi.workflow.status import LOCK, STATE

DONE = "12:00:00 8 rows in, 8 out\n12:00:01 done in 1.0 s\n"
FAILED = "12:00:00 begins\n12:00:01 error: data/my.csv: line 3: found 'x'\nand more\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own project with one study, in a folder to work in."""
    make_project(tmp_path)
    (tmp_path / "config/studies/my.yaml").write_text(STUDY, encoding="utf-8")
    old = time.time() - 100
    os.utime(tmp_path / "config/studies/my.yaml", (old, old))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(log: str, text: str, outputs: dict[str, list[str]] | None = None) -> None:
    """Write a log as a stage does, with outputs and Snakemake's records of them, each with what it was made from."""
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for output, inputs in (outputs or {}).items():
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_text("{}", encoding="utf-8")
        encoded = urlsafe_b64encode(output.encode()).decode()
        place = Path(".snakemake/metadata", encoded)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"rule": path.parts[1], "log": [log], "input": inputs}), encoding="utf-8")


def read_stages(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """Return what the command says of each stage, by its name and part."""
    assert main(["status", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    return {f"{stage['stage']} {stage['part']}".strip(): stage for stage in content["stages"]}


def test_nothing_was_run_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("no run goes on in this folder\n")
    assert "my  5 not run" in printed
    assert {stage["state"] for stage in read_stages(capsys).values()} == {"not run"}
    assert not Path(".snakemake").exists()


def test_studies_are_named_and_the_report_and_what_python_made_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    record("logs/prepare_table/my.log", DONE, {"results/my/table.parquet": []})
    Path("config/studies/other.yaml").write_text(STUDY, encoding="utf-8")
    assert main(["status"]) == 0
    before = capsys.readouterr().out
    assert "report" not in before
    assert "Python" not in before
    Path("results/report.html").touch()
    for name in ("surrogate", "campaign"):
        path = Path(f".batterymi/studies/other/{name}.key.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    made = "models and a batch of suggestions from the app or Python, in .batterymi/studies/other"
    assert f"other  5 not run; {made}\n" in printed
    assert printed.endswith("report: results/report.html\n")
    assert main(["status", "my"]) == 0
    printed = capsys.readouterr().out
    assert "my  4 not run, 1 done" in printed
    assert "other" not in printed
    assert main(["status", "othr"]) == 1
    assert "'othr' is not a study; did you mean 'other'?" in capsys.readouterr().err


def test_a_folder_that_is_no_project_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config/config.yaml").unlink()
    assert main(["status"]) == 1
    assert "config/config.yaml: there is no such file" in capsys.readouterr().err


def test_stages_are_done_failed_broken_off_or_outdated(capsys: pytest.CaptureFixture[str]) -> None:
    table = "results/my/table.parquet"
    record("logs/prepare_table/my.log", DONE, {table: ["data/my.csv"], "results/my/table.json": ["data/my.csv"]})
    Path("data/my.csv").touch()
    os.utime("data/my.csv", (1, 1))
    record("logs/validate_partition/my/1.log", DONE, {"results/my/surrogate/partitions/1.json": [table]})
    record("logs/validate_partition/my/2.log", "12:00:00 begins\n")
    record("logs/train_surrogate/my.log", FAILED)
    record("logs/suggest_batch/my.log", "12:00:00 begins\n12:00:02 stopped before it was done\n")
    record("logs/benchmarks/train_surrogate/other.log", FAILED)
    stages = read_stages(capsys)
    found = {name: stage["state"] for name, stage in stages.items()}
    assert found == {
        "prepare_table": "done",
        "validate_partition 1": "done",
        "validate_partition 2": "stopped",
        "train_surrogate": "failed",
        "suggest_batch": "stopped",
        "plot_study": "not run",
        "summarise_study": "not run",
    }
    assert stages["train_surrogate"]["why"] == "error: data/my.csv: line 3: found 'x'"
    assert stages["train_surrogate"]["log"] == "logs/train_surrogate/my.log"
    assert all(stage["study"] == "my" for stage in stages.values())
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "my  1 failed, 2 stopped, 2 not run, 2 done" in printed
    assert "failed: train_surrogate (logs/train_surrogate/my.log): error: data/my.csv: line 3" in printed
    later = time.time() + 50
    os.utime("data/my.csv", (later, later))
    assert read_stages(capsys)["prepare_table"]["why"] == "data/my.csv is newer"
    Path(table).unlink()
    stages = read_stages(capsys)
    assert stages["prepare_table"]["why"] == f"{table} is missing"
    assert stages["validate_partition 1"]["state"] == "outdated"


def test_settings_that_were_edited_later_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    record("logs/prepare_table/my.log", DONE, {"results/my/table.parquet": []})
    later = time.time() + 50
    os.utime("config/studies/my.yaml", (later, later))
    stage = read_stages(capsys)["prepare_table"]
    assert stage["state"] == "done"
    assert "config/studies/my.yaml was edited since" in stage["why"]


def test_an_output_that_is_marked_as_incomplete_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    record("logs/prepare_table/my.log", DONE, {"results/my/table.parquet": []})
    marker = Path(".snakemake/incomplete", urlsafe_b64encode(b"results/my/table.parquet").decode())
    marker.parent.mkdir()
    marker.touch()
    assert read_stages(capsys)["prepare_table"]["why"] == "results/my/table.parquet is marked as incomplete"


@pytest.fixture
def running() -> Iterator[RunProgress]:
    """A run that goes on: its lock is held, and its account kept."""
    LOCK.parent.mkdir()
    LOCK.with_suffix(".owner").write_text(str(os.getpid()), encoding="utf-8")
    progress = RunProgress(Path("logs/benchmarks"), shows=True)
    with FileLock(LOCK):
        yield progress
    progress.close()


def send(progress: RunProgress, event: str, **content: Any) -> None:
    """Send an event as Snakemake does."""
    made = logging.makeLogRecord({"event": event, **content})
    progress.emit(made)


def test_a_run_that_goes_on_is_shown_with_its_share_and_the_time_left(
    running: RunProgress, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record("logs/benchmarks/train_surrogate/my.tsv", "s\tmax_rss\n40\t1\n")
    record("logs/prepare_table/my.log", DONE, {"results/my/table.parquet": []})
    record("logs/train_surrogate/my.log", "12:00:00 3 of 5 partitions (60%), about 40 s left\n")
    send(running, "run_info", stats={"prepare_table": 1, "train_surrogate": 1, "all": 1, "total": 3})
    monkeypatch.setattr(run_progress, "LEAST_S", -1.0)
    send(
        running,
        "job_info",
        jobid=1,
        rule_name="prepare_table",
        wildcards={"study": "my"},
        log=["logs/prepare_table/my.log"],
    )
    send(running, "job_finished", job_id=1)
    log = ["logs/train_surrogate/my.log"]
    send(running, "job_info", jobid=2, rule_name="train_surrogate", wildcards={"study": "my"}, log=log)
    send(running, "unknown", anything=1)
    send(running, "job_info", jobid="damaged")
    printed = capsys.readouterr().err.splitlines()
    assert printed[0].startswith("battery-mi: 0 of 3 jobs (0%), about ")
    assert "1 of 3 jobs (33%), about" in printed[-1]
    assert running._account.waiting == {"prepare_table": 0, "train_surrogate": 1, "all": 1}
    assert 40 <= json.loads(STATE.read_text(encoding="utf-8"))["seconds_left"] < 60
    assert printed[-1].endswith("running: train_surrogate my (1 s)")
    stages = read_stages(capsys)
    assert stages["train_surrogate"]["state"] == "running"
    assert stages["train_surrogate"]["why"] == "3 of 5 partitions (60%), about 40 s left"
    assert stages["prepare_table"]["state"] == "done"
    assert main(["status"]) == 0
    assert f"a run goes on (process {os.getpid()}): 1 of 3 jobs (33%), about 4" in capsys.readouterr().out
    STATE.write_text("{", encoding="utf-8")
    assert main(["status"]) == 0
    assert f"a run goes on (process {os.getpid()})\n" in capsys.readouterr().out


def test_a_job_without_a_log_yet_runs_and_one_that_failed_does_not(
    running: RunProgress, capsys: pytest.CaptureFixture[str]
) -> None:
    send(running, "run_info", stats={"train_surrogate": 2, "total": 2})
    for number, name in enumerate(("my", "other"), start=1):
        log = [f"logs/train_surrogate/{name}.log"]
        send(running, "job_info", jobid=number, rule_name="train_surrogate", wildcards={"study": name}, log=log)
    send(running, "job_error", jobid=2)
    stages = [stage for stage in read_stages(capsys).values() if stage["state"] == "running"]
    assert [stage["log"] for stage in stages] == ["logs/train_surrogate/my.log"]


def test_a_run_that_was_killed_is_not_running(capsys: pytest.CaptureFixture[str]) -> None:
    LOCK.parent.mkdir()
    LOCK.touch()
    STATE.write_text(
        json.dumps({"process": 1, "jobs": 2, "done": 1, "seconds_left": 3, "running": []}), encoding="utf-8"
    )
    record("logs/train_surrogate/my.log", "12:00:00 begins\n")
    assert main(["status"]) == 0
    assert capsys.readouterr().out.startswith("no run goes on")
    assert read_stages(capsys)["train_surrogate"]["state"] == "stopped"


def test_damaged_records_and_control_characters_are_shown_and_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    record("logs/prepare_table/my.log", DONE, {"results/my/table.parquet": []})
    for name, content in (
        ("damaged", b"\xff\x00"),
        (urlsafe_b64encode(b"results/x").decode(), b"[1]"),
        ("@long", None),
    ):
        path = Path(".snakemake/metadata", name)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
    record("logs/train_surrogate/evil\x1b[2J.log", "12:00:00 error: \x1b[31mred\n")
    Path("logs/plot_study.log").write_bytes(b"\xff\xfe\x00")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "evil\\x1b[2J" in printed
    assert "please note: .snakemake/metadata: 1 records cannot be read" in printed
    assert read_stages(capsys)["prepare_table"]["state"] == "done"


def test_wrong_settings_of_a_study_hide_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config/studies/broken.yaml").write_text("title: [", encoding="utf-8")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "broken: settings are wrong: config/studies/broken.yaml" in printed
    assert "my  5 not run" in printed


def test_time_left_is_that_of_the_jobs_that_wait_and_run() -> None:
    account = Account({"long": 100.0, "short": 10.0}, total=5, began=0.0)
    account.waiting.update({"long": 2, "short": 3})
    assert account.find_seconds_left(0.0) == 230
    account.running[1] = Job("long", {}, "", 0.0)
    assert account.find_seconds_left(60.0) == pytest.approx(170)
    # one that takes longer than expected is nearly done; the other as long as this one
    assert account.find_seconds_left(500.0) == pytest.approx(140)
    account.running[2] = Job("long", {}, "", 0.0)
    assert account.find_seconds_left(50.0) == pytest.approx(130 / 2)


def test_earlier_benchmarks_say_what_to_expect_and_damaged_ones_nothing() -> None:
    record("logs/benchmarks/a/x.tsv", "s\tmax_rss\n40\t1\n")
    record("logs/benchmarks/a/y/1.tsv", "s\tmax_rss\n60\t1\n")
    record("logs/benchmarks/b.tsv", "s\nNA\n")
    assert read_expected(Path("logs/benchmarks"), ["a", "b", "c"]) == {"a": 50.0}


def test_progress_is_logged_seldom_with_the_share_and_the_time_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "batterymi")
    progress = Progress("folds", 4, period_s=0.0)
    progress.step()
    progress.step(3)
    assert caplog.messages[0].startswith("1 of 4 folds (25%), about ")
    assert caplog.messages[1] == "4 of 4 folds (100%)"
    caplog.clear()
    assert list(track(range(3), "things", 3)) == [0, 1, 2]
    assert caplog.messages == []
    assert [format_duration(s) for s in (0.2, 89, 90, 3600, 12000)] == ["1 s", "89 s", "2 min", "60 min", "3 h 20 min"]
