"""What a run does when it is interrupted, by Ctrl-C or SIGTERM: stop its jobs, and say how to go on."""

import logging
import os
import signal
from types import FrameType
from typing import Any

from batterymi.text_safety import write_error

SHELLS = ("sh", "bash")
RESUME = "\nstopped; finished work is kept, and the same command goes on from there\n"


def end_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end this process at once, with one line, while nothing runs yet."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_process)


def _end_process(number: int, frame: FrameType | None) -> None:
    """Say so, and end; Snakemake would print a traceback of its reading."""
    write_error("\nstopped before anything ran\n")
    os._exit(128 + number)


def catch_signals() -> None:
    """Let Ctrl-C and SIGTERM end this run as soon as its jobs have ended cleanly.

    Snakemake itself would wait for its jobs after SIGTERM, however long they take, and would report each as failed. On
    a cluster, it cancels the jobs that it has submitted.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_run)


def _stop_run(number: int, frame: FrameType | None) -> None:
    """Say what happens, ask the jobs to end, and have Snakemake end.

    Raises:
        KeyboardInterrupt: always; Snakemake's scheduler cancels what it has submitted.
    """
    # a second signal ends the run at once; not SIG_DFL, since one that is under way would be an error of Python
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: os._exit(128 + number))
    write_error(RESUME)
    # jobs that were interrupted did not fail
    logging.getLogger("snakemake").addFilter(_is_no_error)
    logging.getLogger("snakemake.logging").addFilter(_is_no_error)
    _interrupt_jobs()
    raise KeyboardInterrupt


def _is_no_error(record: logging.LogRecord) -> bool:
    """Return whether a record says something else than that a job failed."""
    return record.levelno < logging.ERROR


def _interrupt_jobs() -> None:
    """Send SIGTERM to the processes of jobs; each stops the workers that it started."""
    import psutil

    jobs: list[Any] = []
    for child in psutil.Process().children():
        try:
            is_shell = child.name() in SHELLS
            jobs += child.children() if is_shell else [child]
        except psutil.NoSuchProcess:  # it has ended by now
            continue
    for job in jobs:
        try:
            job.send_signal(signal.SIGTERM)
        except psutil.Error:
            continue
