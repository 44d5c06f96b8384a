"""What is said where there is no Slurm: by the workflow, and by the tests that would need one."""

import errno
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import slurm
from conftest import Workspace
from timing import RUN, run_within

from batterymi.workflow.locks import hold_lock


@pytest.mark.slow
def test_without_slurm_the_profile_is_refused_in_a_line_and_a_dry_run_is_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("sh", "which", "env"):
        (programs / program).symlink_to(str(shutil.which(program)))
    environment = {**workspace.environment, "PATH": str(programs)}
    for option in ("--profile", "--workflow-profile"):
        command = workspace.command("summary", option, "profiles/slurm")
        done = run_within(RUN, command, cwd=workspace.folder, env=environment, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert "there is no Slurm here (no 'sbatch'); run this on a login node" in done.stderr
        assert "slurm-array-jobs" not in done.stderr
        assert "Traceback" not in done.stderr
    dry = workspace.run("-n", "--profile", "profiles/slurm", "sodium_ion")
    assert dry.returncode == 0
    assert "rule run_campaign" in dry.stdout


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--jobs", "unlimited")])
def test_arrays_are_refused_where_jobs_are_held_back(options: tuple[str, ...], workspace: Workspace) -> None:
    """The executor loses jobs of an array while others of the rule wait."""
    arrays = ("--slurm-array-jobs", "score_candidates", "--config", 'studies=["no_such_study"]')
    done = workspace.run("--profile", "profiles/slurm", *options, *arrays)
    assert done.returncode == 1
    assert ("slurm-array-jobs: with jobs: 100, the executor loses jobs" in done.stdout) == (not options)
    assert "Traceback" not in done.stdout


def test_tests_that_need_slurm_say_why_they_cannot_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(slurm.NoSlurmError, match="needs root"):
        slurm.install()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(slurm.NoSlurmError, match=r"not installed \(slurmctld, .*, munged\), and there is no apt-get"):
        slurm.install()


def test_a_slurm_that_never_was_is_stopped_without_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.Slurm(tmp_path).down()


def test_an_old_pid_file_kills_no_process_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "slurmctld.pid").write_text(f"{os.getpid()}\n")
    assert slurm.Slurm(tmp_path).process("slurmctld") == 0
    assert slurm.command_of(os.getpid()).startswith(("python", "pytest"))


def test_a_shared_file_system_without_locks_is_said_and_stops_no_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    hold_lock(tmp_path / "lock", "this folder")
    assert "this file system has no locks" in capsys.readouterr().err
