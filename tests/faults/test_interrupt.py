"""Runs that are told to end: by Ctrl-C in a terminal, which reaches all processes, or by SIGTERM to Snakemake alone."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from conftest import Workspace
from timing import RUN, seconds_of

from batterymi.process_pool import run_in_processes
from batterymi.workflow.run import log_to_file

STUDY = "fast_charging"  # simulates its table in two processes
RESUME = "stopped; finished work is kept, and the same command goes on from there"


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes whose command line has a path in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def start_run(workspace: Workspace, command: list[str], output: Path) -> subprocess.Popen[bytes]:
    """Start a run in a session of its own, which writes what it prints into a file."""
    with output.open("wb") as stream:
        return subprocess.Popen(
            command,
            cwd=workspace.folder,
            env=workspace.environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_told_to_end_does_so_at_once_and_says_how_to_go_on(way: str, workspace: Workspace) -> None:
    output = workspace.folder / "output.txt"
    command = workspace.command(STUDY, "--configfile", "tests/smoke.yaml", "--cores", "2", "--quiet", "rules", "host")
    run = start_run(workspace, command, output)
    log, deadline = workspace.folder / f"logs/sample_table/{STUDY}.log", time.monotonic() + seconds_of(RUN)
    while not log.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.poll() is None, output.read_text()
    if way == "Ctrl-C":
        os.killpg(run.pid, signal.SIGINT)
    else:
        run.terminate()
    assert run.wait(seconds_of(RUN)) == 1
    said = output.read_text()
    assert said.count(RESUME) == 1
    assert "Traceback" not in said
    assert "Error" not in said, "a job that was asked to end did not fail"
    assert log.read_text().splitlines()[-1].endswith("stopped before it was done; the next run starts it again")
    assert not (workspace.folder / f"results/{STUDY}/sampled.parquet").exists()
    assert not list((workspace.folder / "results").rglob("*.tmp"))
    assert not processes_of(workspace.folder)
    # the next run begins without a lock to remove; `test_kills.py` compares its results
    again = workspace.run("--configfile", "tests/smoke.yaml", "--touch", "--cores", "1", "results/CITATIONS.md")
    assert "cannot start" not in again.stdout
    assert "lock" not in again.stdout.lower()


def test_a_job_that_is_still_importing_ends_without_a_traceback(workspace: Workspace) -> None:
    marker, output = workspace.folder / "importing", workspace.folder / "output.txt"
    lines = f"import time\nfrom pathlib import Path\n\nPath({str(marker)!r}).touch()\ntime.sleep(600)\n"
    stage = workspace.folder / "src/batterymi/stages/prepare_table.py"
    stage.write_text(lines + stage.read_text(encoding="utf-8"), encoding="utf-8")
    command = workspace.command("results/sodium_ion/table.parquet", "--cores", "1", "--quiet", "rules", "host")
    run = start_run(workspace, command, output)
    deadline = time.monotonic() + seconds_of(RUN)
    while not marker.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marker.exists(), output.read_text()
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(seconds_of(RUN)) == 1
    assert output.read_text().count(RESUME) == 1
    assert "Traceback" not in output.read_text()
    assert not processes_of(workspace.folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_has_not_begun_ends_with_one_line(number: int, workspace: Workspace) -> None:
    lines = ("import os", f"os.kill(os.getpid(), {int(number)})")
    workspace.edit("rules/data.smk", "if IS_FIRST:\n", "if IS_FIRST:\n    " + "\n    ".join(lines) + "\n")
    done = workspace.run(STUDY, "--configfile", "tests/smoke.yaml", "--cores", "1", "--quiet", "host")
    assert done.returncode == 128 + number
    assert "stopped before anything ran" in done.stdout
    assert "Traceback" not in done.stdout


class Interrupting:
    """A signal comes while a class is being made; Python 3.11 wraps what it raises in a RuntimeError."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Act as if somebody had pressed Ctrl-C."""
        raise KeyboardInterrupt


def make_class() -> None:
    """Make a class while the signal comes."""
    try:
        type("Made", (), {"field": Interrupting()})
    except KeyboardInterrupt as error:  # since Python 3.12
        raise RuntimeError from error


def test_a_signal_that_python_wraps_in_another_error_is_no_unexpected_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), log_to_file(str(tmp_path / "a.log")):
        make_class()
    said = (tmp_path / "a.log").read_text()
    assert said.endswith("stopped before it was done; the next run starts it again\n")
    assert "unexpected" not in said


def slow(_: None, seconds: float) -> float:
    """Take a while."""
    time.sleep(seconds)
    return seconds


def nothing() -> None:
    """Build nothing."""


def test_a_job_that_is_told_to_end_does_not_work_off_what_its_workers_have_left(tmp_path: Path) -> None:
    def stop_itself(done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    started = time.monotonic()
    with pytest.raises(SystemExit) as caught, log_to_file(str(tmp_path / "a.log")):
        run_in_processes(slow, [0.01] * 4 + [seconds_of(RUN)] * 40, 2, build=nothing, progress=stop_itself)
    assert caught.value.code == 1
    assert time.monotonic() - started < seconds_of(RUN)
    assert "stopped before it was done" in (tmp_path / "a.log").read_text()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "handlers are as they were"
