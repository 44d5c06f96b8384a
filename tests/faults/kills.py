"""Killing runs of the workflow, for the tests of what a kill leaves behind."""

import base64
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import Workspace

OUTPUTS = (".csv", ".json", ".md", ".html", ".txt", ".parquet", ".skops", ".svg")


@dataclass(frozen=True)
class Kill:
    """One kill: how long after the first job began, and what was being made.

    Attributes:
        seconds: between the start of the first job and the kill.
        cut_off: outputs of the jobs that were running, as paths in the folder.
    """

    seconds: float
    cut_off: tuple[str, ...]

    @property
    def jobs(self) -> set[str]:
        """The folders of what was being made: study and stage."""
        return {str(Path(path).parent.relative_to("results")) for path in self.cut_off}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every output of a run."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.suffix in OUTPUTS)
    assert files
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def being_made(folder: Path) -> tuple[str, ...]:
    """Outputs of jobs that have begun and not ended, from the marks that Snakemake keeps of them."""
    marks = folder / ".snakemake" / "incomplete"
    names = ("".join(mark.relative_to(marks).parts).replace("@", "") for mark in marks.rglob("*") if mark.is_file())
    return tuple(sorted(base64.urlsafe_b64decode(name).decode("utf-8") for name in names))


def start(workspace: Workspace, *options: str) -> subprocess.Popen[bytes]:
    """Start a run that is a process group of its own."""
    return subprocess.Popen(
        workspace.command(*options),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a run and all its jobs without a word of warning."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def await_jobs(workspace: Workspace, process: subprocess.Popen[bytes], before: set[str], timeout: float = 600) -> bool:
    """Wait until a job begins; False if the run ended before one did.

    Args:
        workspace: where it runs.
        process: the run.
        before: marks of jobs that an earlier kill cut off.
        timeout: seconds to wait.
    """
    log = workspace.folder / ".snakemake" / "scripts"
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        if log.is_dir() and {path.name for path in log.iterdir()} - before:
            return True
        time.sleep(0.02)
    return False


def kill_at_random(workspace: Workspace, options: Sequence[str], seed: int, longest: float) -> Kill | None:
    """Start a run, and kill it and its jobs at a moment that the seed chooses.

    One kill in eight comes while Snakemake starts, before any job; the others up to `longest` seconds after the first
    job began.

    Args:
        workspace: where to run.
        options: of the command line.
        seed: chooses the moment.
        longest: seconds.

    Returns:
        The kill; None if the run ended before it.
    """
    chance = np.random.default_rng(seed)
    scripts = workspace.folder / ".snakemake" / "scripts"
    before = {path.name for path in scripts.iterdir()} if scripts.is_dir() else set()
    process = start(workspace, *options)
    early, wait = chance.random() < 1 / 8, chance.random()
    if not early and not await_jobs(workspace, process, before):
        kill(process) if process.poll() is None else process.wait()
        return None
    wait *= 2 if early else longest
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        cut_off = () if early else being_made(workspace.folder)
        kill(process)
        return Kill(wait, cut_off)
    return None


def survivors(folder: Path, patience: float = 10) -> list[int]:
    """Processes that still work in a folder, once those that were killed had time to end."""
    deadline = time.monotonic() + patience
    while (found := _working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _working_in(folder: Path) -> list[int]:
    """Processes whose folder it is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").resolve() == folder.resolve():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
