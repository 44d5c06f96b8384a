"""How far a run of the workflow is: what runs, for which study, the share done, the time left.

It is shown at a terminal, and kept in a file that `batterymi status` reads.
"""

import csv
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from threading import Event, RLock, Thread
from typing import Any

from batterymi.progress import format_duration
from batterymi.text_safety import show_in_line, write_error
from batterymi.workflow.failures import SNAKEMAKE, STAMP

STATE = Path(".snakemake/battery-mi-run.json")
PERIOD_S = 30.0  # between lines while nothing begins or ends
LEAST_S = 0.3  # between any two lines
UNKNOWN_S = 5.0  # of a job of which nothing is known
MOST_FILES = 50  # benchmarks that are read of one rule
MOST_RUNNING = 4  # jobs that a line names
TAIL = 4000  # bytes of a log in which its last line is looked for


@dataclass(frozen=True)
class Job:
    """A job that runs.

    Attributes:
        rule: its name.
        wildcards: its study, partition and so on.
        log: its log file; empty if it has none.
        since: when it began, in seconds since 1970.
    """

    rule: str
    wildcards: dict[str, str]
    log: str
    since: float

    @property
    def title(self) -> str:
        """Return the stage, and what it is done for."""
        return show_in_line(" ".join([self.rule, *self.wildcards.values()]))


@dataclass
class Account:
    """What is known of a run.

    Attributes:
        expected: seconds that a job of each rule takes, by earlier runs.
        waiting: jobs of each rule that have not ended.
        running: jobs by their number.
        taken: seconds that jobs of each rule have taken in this run.
        total: number of jobs.
        done: of them.
        began: when, in seconds since 1970.
    """

    expected: dict[str, float] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    began: float = field(default_factory=time.time)

    def expect(self, rule: str) -> float:
        """Return how many seconds a job of a rule takes: as in this run, else as in earlier ones."""
        if own := self.taken.get(rule):
            return fmean(own)
        known = [fmean(seconds) for seconds in self.taken.values()] or list(self.expected.values())
        return self.expected.get(rule) or (fmean(known) if known else UNKNOWN_S)

    def find_seconds_left(self, now: float) -> float:
        """Return how long the jobs that have not ended will take, with as many at once as up to now."""
        ended = sum(map(sum, self.taken.values()))
        elapsed = {number: now - job.since for number, job in self.running.items()}
        at_once = (ended + sum(elapsed.values())) / max(now - self.began, 1.0)
        left = sum(n * self.expect(rule) for rule, n in self.waiting.items())
        # a job that takes longer than expected is taken to be nearly done
        left -= sum(min(spent, 0.9 * self.expect(self.running[number].rule)) for number, spent in elapsed.items())
        return max(left, 0.0) / max(at_once, 1.0)

    def describe(self, now: float) -> str:
        """Return one line on the run."""
        share = self.done / self.total if self.total else 1.0
        longest = sorted(self.running.values(), key=lambda job: job.since)
        named = [f"{job.title} ({format_duration(now - job.since)})" for job in longest[:MOST_RUNNING]]
        more = [f"{len(longest) - MOST_RUNNING} more"] if len(longest) > MOST_RUNNING else []
        parts = [f"{self.done} of {self.total} jobs ({share:.0%})"]
        parts += [f"about {format_duration(self.find_seconds_left(now))} left"] if self.done < self.total else []
        return ", ".join(parts) + (f"; running: {', '.join([*named, *more])}" if named else "")


class RunProgress(logging.Handler):
    """Keeps an account of a run from Snakemake's events, in a file, and shows it at a terminal."""

    def __init__(self, benchmarks: Path, *, shows: bool) -> None:
        """Begin with nothing.

        Args:
            benchmarks: folder of those of earlier runs, by which the time left is estimated.
            shows: whether to write lines to the terminal.
        """
        super().__init__()
        self._benchmarks, self._shows = benchmarks, shows
        self._account, self._turn, self._ended = Account(), RLock(), Event()
        self._said = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take one event into account; nothing here may end a run."""
        event = str(getattr(record, "event", "")).rpartition(".")[2].lower()
        take = {
            "run_info": self._take_plan,
            "job_info": self._take_start,
            "job_finished": self._take_end,
            "job_error": self._take_error,
        }.get(event)
        if take:
            with self._turn, suppress(Exception):
                take(record)
                self._keep()

    def _take_plan(self, record: logging.LogRecord) -> None:
        """Take what is to be done."""
        counts = {str(rule): int(n) for rule, n in getattr(record, "stats", {}).items() if rule != "total"}
        account = self._account
        account.waiting, account.total = Counter(counts), sum(counts.values())
        account.expected = read_expected(self._benchmarks, counts)
        if self._shows and account.total:
            Thread(target=self._repeat, daemon=True).start()

    def _take_start(self, record: logging.LogRecord) -> None:
        """Take a job that begins."""
        own: Any = record
        wildcards = {str(key): str(value) for key, value in dict(own.wildcards or {}).items()}
        log = str(next(iter(own.log or ()), ""))
        self._account.running[int(own.jobid)] = Job(str(own.rule_name), wildcards, log, time.time())
        self._show()

    def _take_end(self, record: logging.LogRecord) -> None:
        """Take a job that is done."""
        job = self._account.running.pop(int(getattr(record, "job_id", -1)), None)
        if job:
            self._account.done += 1
            self._account.waiting[job.rule] -= 1
            self._account.taken.setdefault(job.rule, []).append(time.time() - job.since)

    def _take_error(self, record: logging.LogRecord) -> None:
        """Take a job that failed; one that is tried again begins again."""
        self._account.running.pop(int(getattr(record, "jobid", -1)), None)

    def _keep(self) -> None:
        """Write the account to its file, not synchronised with the disk, since it counts only while this runs."""
        account, now = self._account, time.time()
        content = {
            "process": os.getpid(),
            "began": account.began,
            "jobs": account.total,
            "done": account.done,
            "seconds_left": account.find_seconds_left(now),
            "running": [vars(job) for job in account.running.values()],
        }
        STATE.parent.mkdir(parents=True, exist_ok=True)
        beside = STATE.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(STATE)

    def _show(self, *, is_due: bool = False) -> None:
        """Write a line to the terminal, unless one was written just now."""
        now = time.time()
        if not self._shows or not self._account.total or (now - self._said < LEAST_S and not is_due):
            return
        self._said = now
        lines = [self._account.describe(now)]
        if is_due:
            lines += [f"  {job.rule}: {line}" for job in self._account.running.values() if (line := read_last(job.log))]
        write_error("".join(f"battery-mi: {line}\n" for line in lines))

    def _repeat(self) -> None:
        """Write a line every half minute in which nothing begins or ends, with what running jobs have last logged."""
        while not self._ended.wait(PERIOD_S):
            with self._turn, suppress(Exception):
                if self._account.running and time.time() - self._said >= PERIOD_S:
                    self._show(is_due=True)

    def close(self) -> None:
        """End the lines."""
        self._ended.set()
        super().close()


def read_expected(benchmarks: Path, rules: Iterable[str]) -> dict[str, float]:
    """Return how many seconds a job of each rule took in earlier runs, on average; of some only."""
    found = {}
    for rule in rules:
        files = [benchmarks / f"{rule}.tsv", *sorted((benchmarks / rule).rglob("*.tsv"))[:MOST_FILES]]
        seconds = [taken for file in files for taken in _read_seconds(file)]
        if seconds:
            found[rule] = fmean(seconds)
    return found


def _read_seconds(file: Path) -> list[float]:
    """Return the seconds of the jobs in a benchmark; none if it is missing or damaged."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return [float(row["s"]) for row in csv.DictReader(stream, delimiter="\t")]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def read_last(log: str) -> str:
    """Return the last line of a log without its time; nothing if there is none."""
    try:
        with Path(log).open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(stream.tell() - TAIL, 0))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return ""
    return STAMP.sub("", lines[-1], count=1) if lines else ""


def follow_run(benchmarks: Path, *, shows: bool) -> None:
    """Keep an account of this run from now on.

    Args:
        benchmarks: folder of those of earlier runs.
        shows: whether to write lines to the terminal.
    """
    logging.getLogger(SNAKEMAKE).addHandler(RunProgress(benchmarks, shows=shows))
