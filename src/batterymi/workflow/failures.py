"""What failed jobs said, shown at the end of a run, however quiet Snakemake is."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from batterymi.text_safety import write_error

SNAKEMAKE = "snakemake.logging"  # the logger that all of Snakemake's events go through
STAMP = re.compile(r"\d\d:\d\d:\d\d ")
DONE = re.compile(r"done in [\d.]+ s$")
ENDS = ("error: ", "unexpected error", "stopped before")  # how the log of a job that failed ends
# what Snakemake says of a script that failed: the line of the rule, and a command with the name of a temporary file
COMMAND = re.compile(r"(?:\w+:\n)?CalledProcessError in file .*\nCommand .*\.snakemake/scripts/", re.DOTALL)
MOST_LINES = 12  # of one log
MOST_JOBS = 20


@dataclass(frozen=True)
class Failure:
    """A job that failed.

    Attributes:
        rule: its name.
        logs: its log, and that of the cluster, if it ran there.
        outputs: what it should have made.
    """

    rule: str
    logs: tuple[str, ...]
    outputs: tuple[str, ...]


class FailureLog(logging.Handler):
    """Keeps which jobs failed, from Snakemake's events."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self._by_outputs: dict[tuple[str, ...], Failure] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a job that failed; one that is tried again fails once."""
        if str(getattr(record, "event", "")).rpartition(".")[2].lower() != "job_error":
            return
        logs, outputs = (tuple(map(str, getattr(record, name, None) or ())) for name in ("log", "output"))
        self._by_outputs[outputs] = Failure(str(getattr(record, "rule_name", "")), logs, outputs)

    def list_failures(self) -> list[Failure]:
        """List the jobs that failed, without those that a later try, or another job of their group, has completed."""
        return [job for job in self._by_outputs.values() if not _is_complete(job)]


def record_failures() -> FailureLog:
    """Keep from now on which jobs fail."""
    found, logger = FailureLog(), logging.getLogger(SNAKEMAKE)
    logger.addHandler(found)
    if logger.level > logging.DEBUG:  # not with --verbose
        logger.addFilter(_is_no_command)
    return found


def _is_no_command(record: logging.LogRecord) -> bool:
    """Return whether a record says something else than the command of a script that failed."""
    return not COMMAND.match(record.getMessage())


def show_failures(failures: Iterable[Failure]) -> None:
    """Say on stderr of each failed job what its log ends with, and where the log is."""
    jobs = list(failures)
    if not jobs:
        return
    lines = ["", "failed:"]
    for job in jobs[:MOST_JOBS]:
        lines.append(f"  {job.rule}: {', '.join(job.logs) or 'no log'}")
        lines += [f"    {line}" for line in describe_end(job.logs)]
    if len(jobs) > MOST_JOBS:
        lines.append(f"  and {len(jobs) - MOST_JOBS} more jobs")
    write_error("\n".join([*lines, ""]))


def describe_end(logs: Iterable[str]) -> list[str]:
    """Return why a job ended, from its logs: its error, or what it last did."""
    entries = _read_entries(next(iter(logs), ""))
    if not entries:
        return ["it wrote nothing there; it was killed or could not start, as without enough memory"]
    last = STAMP.sub("", entries[-1], count=1).splitlines()
    if last[0].startswith("unexpected error"):
        return [last[-1], last[0]]
    if last[0].startswith(ENDS):
        more = len(last) - MOST_LINES
        return last[:MOST_LINES] + ([f"and {more} more lines"] if more > 0 else [])
    if DONE.match(last[0]):
        return ["it was done, but a file that it should have made is missing"]
    return [f"it ended without an error of its own, as if killed (out of memory?); its last line: {last[-1]}"]


def _read_entries(log: str) -> list[str]:
    """Return the entries of a log, each of one or more lines."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return []
    starts = [found.start() for found in re.finditer(rf"^{STAMP.pattern}", text, flags=re.MULTILINE)]
    ends = [*starts[1:], len(text)]
    return [text[a:b].strip() for a, b in zip(starts, ends, strict=True)] if starts else [text] if text else []


def _is_complete(job: Failure) -> bool:
    """Return whether a job's files are there after all; Snakemake removes those of a job that failed."""
    return bool(job.outputs) and all(Path(path).exists() for path in job.outputs)
