"""The process beside the app: batches come, whatever happened to it before."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra `app` is not installed")
from batterymi.app import jobs as module
from batterymi.app.jobs import BROKEN, Jobs, Outcome


def answer_at_once(folder: Path, study: str, n: int | None) -> Outcome:
    """Stand for a batch."""
    return Outcome(notes=(str(os.getpid()),))


def fit_for_long(folder: Path, study: str) -> None:
    """Stand for models that take long; say who fits them."""
    (folder / "pid").write_text(str(os.getpid()))
    time.sleep(20)


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """Jobs that compute nothing."""
    monkeypatch.setattr(module, "make_batch", answer_at_once)
    monkeypatch.setattr(module, "fit_models", fit_for_long)
    monkeypatch.setattr(module, "load_stages", os.getpid)
    found = Jobs(tmp_path)
    yield found
    found.close()


def wait_for_outcome(jobs: Jobs, study: str) -> Outcome:
    """Return the outcome of a batch."""
    while jobs.find():
        time.sleep(0.01)
    return jobs.outcomes[study]


def begin_fit(jobs: Jobs, study: str) -> int:
    """Begin to fit models ahead; return the process that does."""
    jobs.prepare(study)
    file = jobs.folder / "pid"
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    return int(file.read_text())


def test_a_batch_comes_after_the_process_beside_was_killed(jobs: Jobs) -> None:
    os.kill(begin_fit(jobs, "first"), signal.SIGKILL)
    while jobs.is_fitting("first"):
        time.sleep(0.01)
    jobs.start("first", 3)
    assert wait_for_outcome(jobs, "first").problem in ("", BROKEN)  # which of the two is a matter of milliseconds
    jobs.start("first", 3)
    assert wait_for_outcome(jobs, "first").problem == ""
    (jobs.folder / "pid").unlink()
    os.kill(begin_fit(jobs, "second"), signal.SIGKILL)
    while jobs.is_fitting("second"):
        time.sleep(0.01)
    time.sleep(0.2)
    jobs.prepare("second")
    assert jobs.is_fitting("second")


def test_a_batch_does_not_wait_for_the_models_of_another_study(jobs: Jobs) -> None:
    process = begin_fit(jobs, "other")
    jobs.start("mine", 3)
    made = wait_for_outcome(jobs, "mine")
    assert made.problem == ""
    assert made.notes != (str(process),)
    assert not jobs.is_fitting("other")
