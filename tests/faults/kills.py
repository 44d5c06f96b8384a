"""Killing runs of the workflow, for the tests of what a kill leaves behind."""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import Workspace
from timing import RUN, START, end_within, wait_until

OUTPUTS = (".csv", ".json", ".md", ".html", ".txt", ".parquet", ".skops", ".safetensors", ".svg")
# these tell how long something took
TIMED = re.compile(
    r"results/arena/(.*/)?(charges\.parquet|table\.(csv|html)|training\.json|(tuned|protocols)/.*\.json)"
)
WAYS = ("run", "snakemake", "job")


@dataclass(frozen=True)
class Job:
    """A job of a finished run.

    Attributes:
        rule: its rule.
        log: its log, as a path in the folder.
        outputs: what it made, as paths in the folder.
        seconds: how long it took.
    """

    rule: str
    log: str
    outputs: tuple[str, ...]
    seconds: float


def digests(folder: Path) -> dict[str, str]:
    """Digest of every output of a run; of those that tell how long something took, that they are there."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.suffix in OUTPUTS)
    assert files
    named = {str(path.relative_to(folder)): path for path in files}
    return {
        name: "there" if TIMED.fullmatch(name) else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named.items()
    }


def finished_jobs(folder: Path) -> list[Job]:
    """The jobs of a finished run, from what Snakemake noted of each output."""
    found: dict[str, list[tuple[str, dict]]] = {}
    for name, note in _notes(folder, "metadata").items():
        content = json.loads(note.read_text())
        found.setdefault(content["log"][0], []).append((name, content))
    return [
        Job(
            notes[0][1]["rule"],
            log,
            tuple(sorted(name for name, _ in notes)),
            notes[0][1]["endtime"] - notes[0][1]["starttime"],
        )
        for log, notes in sorted(found.items())
    ]


def being_made(folder: Path) -> set[str]:
    """Outputs of jobs that have begun and not ended, from the marks that Snakemake keeps of them."""
    return set(_notes(folder, "incomplete"))


def _notes(folder: Path, kind: str) -> dict[str, Path]:
    """What Snakemake keeps of outputs, by their paths."""
    notes = folder / ".snakemake" / kind
    coded = {
        "".join(note.relative_to(notes).parts).replace("@", ""): note for note in notes.rglob("*") if note.is_file()
    }
    return {base64.urlsafe_b64decode(name).decode("utf-8"): note for name, note in coded.items()}


def wait_for(process: subprocess.Popen[bytes], happens: Callable[[], bool]) -> bool:
    """Wait until something happens while a run is under way; False if the run ended before."""
    return wait_until(lambda: process.poll() is None and happens(), RUN, process)


def await_jobs(workspace: Workspace, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a job begins; False if the run ended before one did."""
    scripts = workspace.folder / ".snakemake" / "scripts"
    return wait_for(process, lambda: scripts.is_dir() and any(scripts.iterdir()))


def start(workspace: Workspace, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a run that is a process group of its own."""
    return subprocess.Popen(
        workspace.command(*arguments),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def start_again(workspace: Workspace, options: Sequence[str], job: Job) -> subprocess.Popen[bytes]:
    """Start a run that has a job to do again."""
    for output in job.outputs:
        (workspace.folder / output).unlink(missing_ok=True)
    return start(workspace, job.outputs[0], *options)


def kill_job(workspace: Workspace, options: Sequence[str], job: Job, seed: int, way: str) -> bool:
    """Have a job done again, and kill it without a word of warning at a moment of its life that the seed chooses.

    Args:
        workspace: where a run has finished.
        options: of the command line, beside the job's output.
        job: the job.
        seed: chooses the moment.
        way: whom to kill: Snakemake and all that it started, Snakemake alone, or the job alone.

    Returns:
        Whether the job was at work then.
    """
    process = start_again(workspace, options, job)
    assert wait_for(process, lambda: job.outputs[0] in being_made(workspace.folder)), "the job never began"
    time.sleep(np.random.default_rng(seed).random() * job.seconds * 2 / 3)  # it may take less time than it did
    hit = job.outputs[0] in being_made(workspace.folder)
    _kill(process, workspace.folder, way)
    assert survivors(workspace.folder) == []
    return hit and process.returncode != 0


def _kill(process: subprocess.Popen[bytes], folder: Path, way: str) -> None:
    """Kill a run in one of three ways, and wait for its end."""
    if way == "run":
        os.killpg(process.pid, signal.SIGKILL)
    elif way == "snakemake":
        process.kill()
    else:
        for pid in set(working_in(folder)) - {process.pid}:
            os.kill(pid, signal.SIGKILL)
    end_within(START, process)


def survivors(folder: Path, units: float = START) -> list[int]:
    """Processes that still work in a folder, once those that were killed had time to end."""
    wait_until(lambda: not working_in(folder), units)
    return working_in(folder)


def working_in(folder: Path) -> list[int]:
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
