"""Long work: models and batches are made in one process beside the server, so that pages stay quick."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from threading import RLock
from typing import ParamSpec, TypeVar

from batterymi.errors import BatteryMIError, OutputError
from batterymi.notebook.study import Study
from batterymi.notebook.workplace import WORK
from batterymi.process_guard import end_with_owner, set_job_owner
from batterymi.text_safety import clean_message

PRELOADED = (
    "batterymi.optimise.engines.gaussian_process",
    "batterymi.surrogates.families.kernels",
    "batterymi.surrogates.families.plain",
    "batterymi.surrogates.families.trees",
    "skops.io",
)
BROKEN = "The computation ended before it was done, as for lack of memory; no batch was made."
P = ParamSpec("P")
T = TypeVar("T")
TAIL_BYTES = 4000  # of a log, in which its last line is


@dataclass(frozen=True)
class Outcome:
    """What came of a batch.

    Attributes:
        problem: why there is none; empty if there is.
        notes: what the stages warned of.
    """

    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A batch that is being made.

    Attributes:
        study: its name.
        began: seconds of the monotonic clock.
        log_from: bytes that the log had before.
        future: of the outcome.
    """

    study: str
    began: float
    log_from: int
    future: "Future[Outcome]"

    @property
    def seconds(self) -> float:
        """Return how long it has been running."""
        return time.monotonic() - self.began


def make_batch(folder: Path, study: str, n: int | None) -> Outcome:
    """Suggest a batch, in the process beside; mistakes come back as texts."""
    try:
        opened = Study.open(study, folder)
        opened.suggest(n)
    except BatteryMIError as error:
        return Outcome(clean_message(str(error)))
    return Outcome(notes=tuple(opened.notes))


def fit_models(folder: Path, study: str) -> None:
    """Fit models ahead of a batch; mistakes are said when a batch is wanted."""
    with suppress(BatteryMIError):
        Study.open(study, folder).fit()


def load_stages() -> None:
    """Import what the first batch needs, while the user still reads."""
    for module in PRELOADED:
        import_module(module)


@dataclass
class Jobs:
    """The process beside, and what it makes.

    All methods but `find` are called in the main thread: the system ends the process beside with the thread that
    started it.

    Attributes:
        folder: of the project.
        outcomes: of the last batch of each study, if it was made by this app.
    """

    folder: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _pool: ProcessPoolExecutor | None = field(default=None, repr=False)
    _job: Job | None = field(default=None, repr=False)
    _ahead: "tuple[str, Future[None]] | None" = field(default=None, repr=False)
    _turn: RLock = field(default_factory=RLock, repr=False)

    def open(self) -> None:
        """Start the process; the system ends it with this one."""
        set_job_owner()
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_owner)
        self._pool.submit(load_stages)

    def close(self) -> None:
        """End the process, whatever it does: what it had not finished is not in the ledger."""
        if self._pool:
            for worker in list((self._pool._processes or {}).values()):
                worker.terminate()
            self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def find(self) -> Job | None:
        """Return the batch that is being made; what has ended is kept among the outcomes."""
        with self._turn:
            if self._job and self._job.future.done():
                job, self._job = self._job, None
                try:
                    self.outcomes[job.study] = job.future.result()
                except BrokenProcessPool:
                    self.outcomes[job.study] = Outcome(BROKEN)
            return self._job

    def start(self, study: str, n: int | None) -> None:
        """Begin a batch.

        Raises:
            OutputError: if another one is being made.
        """
        if job := self.find():
            raise OutputError(f"{job.study}: a batch is being made; wait until it is done, or stop it")
        self._leave_other_models(study)
        self.outcomes.pop(study, None)
        log_from = self._find_log(study).stat().st_size if self._find_log(study).exists() else 0
        future = self._submit(make_batch, self.folder, study, n)
        self._job = Job(study, time.monotonic(), log_from, future)

    def prepare(self, study: str) -> None:
        """Fit the models of a study ahead, so that its next batch is quick, unless something else is being made."""
        if self.find() or (self._ahead and not self._ahead[1].done()):
            return
        self._ahead = study, self._submit(fit_models, self.folder, study)

    def is_fitting(self, study: str) -> bool:
        """Return whether models of a study are fitted ahead."""
        ahead = self._ahead
        return ahead is not None and ahead[0] == study and not ahead[1].done()

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Hand work to the process beside, to another one if it has died, as for lack of memory."""
        if self._pool is None:
            self.open()
        assert self._pool is not None
        try:
            return self._pool.submit(work, *args, **kwargs)
        except BrokenProcessPool:
            self.close()
            self.open()
            return self._pool.submit(work, *args, **kwargs)

    def _leave_other_models(self, study: str) -> None:
        """Break off the models that are fitted ahead of another study, behind which a batch would wait."""
        if self._ahead and not self._ahead[1].done() and self._ahead[0] != study:
            self.close()
            self._ahead = None

    def abandon(self, study: str) -> None:
        """Break off the models that are fitted ahead of a study's batch, in any thread."""
        with self._turn:
            if self._ahead and self._ahead[0] == study and not self._ahead[1].done() and self._job is None:
                self.close()
                self._ahead = None

    def stop(self) -> None:
        """Break off the batch that is being made."""
        if job := self.find():
            self.close()
            self._job = None
            self.outcomes[job.study] = Outcome("Stopped; no batch was made.")
            self.open()

    def read_last_line(self, job: Job) -> str:
        """Return the last line that the stages of a batch have logged, without its time; empty if there is none."""
        try:
            with self._find_log(job.study).open("rb") as stream:
                stream.seek(max(job.log_from, stream.seek(0, 2) - TAIL_BYTES))
                lines = stream.read().decode("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1][20:] if lines else ""

    def _find_log(self, study: str) -> Path:
        """Return the log of a study."""
        return self.folder / WORK / "studies" / study / "log.txt"
