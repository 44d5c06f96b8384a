"""SIGKILL at random moments: the run resumes to the same results, and leaves nothing lying about."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Workspace, needs_torch, sample_data_sets
from kills import WAYS, Job, digests, finished_jobs, kill_job, start_again, survivors, wait_for
from timing import NIGHT

from batterymi.files import CHECKSUM_FOLDER, read_json, write_json
from batterymi.process_guard import OWNER

pytestmark = pytest.mark.slow
OPTIONS = (*SMALL, "--cores", "1")
ARENA = ("--configfile", "tests/arena_smoke.yaml", "--cores", "1")
MEASURED = (*("--configfile", "tests/measured_smoke.yaml", "--cores", "1", "--set-scatter", "screen=2"),)
UNFINISHED = (".tmp", "journal", "checkpoint")  # ends or beginnings of names that only work under way has


@pytest.fixture
def again(done: Workspace, tmp_path: Path) -> Workspace:
    """A finished run whose jobs may be done again."""
    shutil.copytree(done.folder, tmp_path / "again", symlinks=True)
    return Workspace(tmp_path / "again")


def kill_and_resume(
    workspace: Workspace, job: Job, seed: int, reference: dict[str, str], options: Sequence[str] = OPTIONS
) -> str | None:
    """Kill a job, type the same command again, and compare every output; how it was killed, None if it had ended."""
    way = WAYS[seed % len(WAYS)]
    hit = kill_job(workspace, options, job, seed, way)
    resumed = workspace.run(job.outputs[0], *options)
    told = f"{job.rule}, seed {seed}, {way}: {resumed.stdout}"
    assert resumed.returncode == 0, told
    assert digests(workspace.folder) == reference, told
    results = workspace.folder / "results"
    left = [
        str(path) for path in results.rglob("*") if path.name.endswith(UNFINISHED) or path.name.startswith(UNFINISHED)
    ]
    assert left == [], told
    return way if hit else None


def kill_every_rule(
    workspace: Workspace, jobs: list[Job], seed: int, reference: dict[str, str], options: Sequence[str] = OPTIONS
) -> list[tuple[str, str]]:
    """Kill a job of every rule once; the rules and ways of the kills that hit."""
    chance = np.random.default_rng(seed)
    hits = []
    for number, rule in enumerate(sorted({job.rule for job in jobs})):
        of_rule = [job for job in jobs if job.rule == rule]
        way = kill_and_resume(workspace, of_rule[chance.integers(len(of_rule))], seed + number, reference, options)
        hits += [(rule, way)] if way else []
    return hits


def test_a_job_killed_with_its_run_or_alone_is_done_again_to_the_same_results(again: Workspace) -> None:
    jobs = {job.rule: job for job in finished_jobs(again.folder)}
    reference = digests(again.folder)
    for turn in range(4):  # a machine that was busy and no longer is ends jobs sooner than they ended before
        sooner = {rule: replace(job, seconds=job.seconds / 2**turn) for rule, job in jobs.items()}
        hits = [
            kill_and_resume(again, sooner[rule], seed, reference)
            for rule, seed in (("build_summary", 0), ("prepare_table", 2))
        ]
        if any(hits):
            break
    assert any(hits)


def test_jobs_end_with_their_snakemake(again: Workspace) -> None:
    job = next(job for job in finished_jobs(again.folder) if job.rule == "train_surrogate")
    process = start_again(again, OPTIONS, job)
    began, log = time.time(), again.folder / job.log
    assert wait_for(process, lambda: log.exists() and log.stat().st_mtime > began)
    process.kill()
    process.wait()
    assert survivors(again.folder, units=1) == []
    assert not any((again.folder / output).exists() for output in job.outputs)


@pytest.mark.nightly
def test_every_rule_survives_fifty_kills(again: Workspace) -> None:
    """Rounds over all rules of two studies of the smoke configuration, until fifty kills hit a job at work."""
    jobs, reference = finished_jobs(again.folder), digests(again.folder)
    hits: list[tuple[str, str]] = []
    for turn in range(8):
        hits += kill_every_rule(again, jobs, 100 * turn + turn, reference)
        assert again.jobs(*OPTIONS) == set()
        if len(hits) >= 50:
            break
    print(len(hits), "kills:", dict(Counter(rule for rule, _ in hits)), dict(Counter(way for _, way in hits)))
    assert len(hits) >= 50
    assert {rule for rule, _ in hits} == {job.rule for job in jobs}
    assert {way for _, way in hits} == set(WAYS)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("target", "options"),
    [
        pytest.param("charging_arena", ARENA, marks=needs_torch, id="arena"),
        pytest.param("all", MEASURED, id="measured"),
    ],
)
def test_every_rule_of_longer_runs_survives_a_kill(target: str, options: Sequence[str], workspace: Workspace) -> None:
    """Training, judging and maps of the arena; data sets, transfer, ranking and screens of the measured edition."""
    options = (*options, "--config", f"mirror={sample_data_sets(workspace)}")
    finished = workspace.run(target, *options, units=NIGHT)
    assert finished.returncode == 0, finished.stdout
    jobs, reference = finished_jobs(workspace.folder), digests(workspace.folder)
    missed, hits = {job.rule for job in jobs}, []
    for turn in range(8):
        left = [replace(job, seconds=job.seconds / 2**turn) for job in jobs if job.rule in missed]  # kill sooner
        hits += kill_every_rule(workspace, left, 90 + turn, reference, options)
        missed -= {rule for rule, _ in hits}
    print(len(hits), "kills:", dict(Counter(rule for rule, _ in hits)), dict(Counter(way for _, way in hits)))
    assert missed == set()
    again = workspace.run(target, *options, units=NIGHT)  # what was made anew may tell another number of seconds
    assert again.returncode == 0, again.stdout
    assert digests(workspace.folder) == reference
    assert "nothing to be done" in workspace.run(target, *options, "-n").stdout.lower()


KILLED = """
import os, signal, sys
from pathlib import Path
from batterymi.files import write_json
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_json(sys.argv[1], {"x": 2})
"""


def test_a_kill_between_writing_and_renaming_leaves_the_old_file_and_the_next_writer_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [one.suffix for one in tmp_path.iterdir() if one not in (path, tmp_path / CHECKSUM_FOLDER)] == [".tmp"]
    assert read_json(path) == {"x": 1}
    write_json(path, {"x": 3})
    assert read_json(path) == {"x": 3}
    assert sorted(tmp_path.iterdir()) == [tmp_path / CHECKSUM_FOLDER, path]
    assert len(list((tmp_path / CHECKSUM_FOLDER).iterdir())) == 1


def test_a_job_whose_snakemake_is_gone_before_it_begins_does_nothing(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    script = (
        "import sys; from batterymi.workflow.run import log_to_file\nwith log_to_file(sys.argv[1]): print('at work')"
    )
    command = [sys.executable, "-c", script, tmp_path / "a.log"]
    for owner, said in ((os.getpid(), "at work\n"), (gone.pid, "")):
        environment = {**os.environ, OWNER: str(owner)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout == said
        assert done.returncode == (0 if said else 1)
