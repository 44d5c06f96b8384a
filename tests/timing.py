"""Limits of time that scale with the machine: multiples of a unit of work that is measured on it.

The unit is the time that `snakemake -n` takes where there is nothing to do. It is measured when a limit is needed
first, once for all workers of the tests, and again before anything is stopped: a machine that has become slower since
gets the time that it needs, and only what is slow beside a unit of work is taken for something that hangs.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock

# where the units that were measured are noted; the process that collects the tests makes it, workers inherit it
FOLDER = "BATTERYMI_TEST_UNITS"
ENVIRONMENT = {**os.environ}  # before any test changes it
START = 20  # units for something to begin, or for what was killed to be gone
RUN = 200  # for a command or a small run; five minutes where a unit takes 1.5 s
LONG = 400  # for runs of many stages
NIGHT = 2400  # for what runs at night only


def share_units() -> None:
    """Make the folder that the workers of this run share; it is gone when the run ends."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="battery-mi-units-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)


def measure_unit() -> float:
    """Return how many seconds a unit of work takes now."""
    share_units()
    with tempfile.TemporaryDirectory(dir=os.environ[FOLDER]) as folder:
        (Path(folder) / "Snakefile").write_text("rule all:\n", encoding="utf-8")
        started = time.monotonic()
        # the one command without a limit, since all limits rest on it
        command = [sys.executable, "-m", "snakemake", "-n"]
        subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)
        return time.monotonic() - started


def read_unit(measure_again: bool = False) -> float:
    """Return the longest time, in seconds, that a unit has taken in this run of the tests.

    Args:
        measure_again: measure, whether or not somebody did.
    """
    share_units()
    file = Path(os.environ[FOLDER]) / "seconds"
    if file.exists() and not measure_again:
        return float(file.read_text(encoding="utf-8"))
    with FileLock(file.with_suffix(".lock")):
        known = float(file.read_text(encoding="utf-8")) if file.exists() else 0.0
        if measure_again or not known:
            known = max(known, measure_unit())
            file.with_suffix(".new").write_text(repr(known), encoding="utf-8")
            file.with_suffix(".new").replace(file)  # who reads meanwhile finds the old one or the new one
    return known


def seconds_of(units: float) -> float:
    """Return how many seconds some units of work take; processor time can be held against them, too."""
    return units * read_unit()


def milliseconds_of(units: float) -> float:
    """Return the same in milliseconds, which browsers count in."""
    return 1000 * seconds_of(units)


class Deadline:
    """The moment at which something that takes some units of work should have ended."""

    def __init__(self, units: float) -> None:
        """Start the clock."""
        self.units, self.seconds = units, seconds_of(units)
        self.started = time.monotonic()

    def __str__(self) -> str:
        """Say how long was waited."""
        return f"{self.seconds:.0f} s ({self.units:g} times what `snakemake -n` takes here)"

    def seconds_left(self) -> float:
        """Return the seconds until then, as the machine was when the unit was measured."""
        return max(0.0, self.started + self.seconds - time.monotonic())

    def has_passed(self) -> bool:
        """Return whether the time is up; before it says so, the unit is measured again."""
        if self.seconds_left() > 0:
            return False
        self.seconds = self.units * read_unit(measure_again=True)
        return self.seconds_left() <= 0


def run_within(units: float, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        units: how many units of work it may take.
        command: program and arguments.
        options: as of `subprocess.Popen`, for text; without any, both streams come back as stdout.

    Raises:
        TimeoutError: if it has not ended by then; it has been killed, and the end of what it said is given.
    """
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
    with subprocess.Popen(command, text=True, **streams) as process:
        deadline = Deadline(units)
        while True:
            try:
                output, errors = process.communicate(timeout=deadline.seconds_left())
            except subprocess.TimeoutExpired:
                if deadline.has_passed():
                    _stop(process, f"{' '.join(map(str, command))}: not ended after {deadline}")
            except BaseException:
                process.kill()
                raise
            else:
                return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _stop(process: subprocess.Popen[str], reason: str) -> NoReturn:
    """Kill a process and tell why, with the end of what it said."""
    process.kill()
    output, errors = process.communicate()
    lines = ((output or "") + (errors or "")).splitlines()[-20:]
    raise TimeoutError("\n".join([reason, *lines]))


def end_within(units: float, process: subprocess.Popen[Any]) -> int:
    """Wait for the end of a process that was started elsewhere, and return its exit status.

    Raises:
        TimeoutError: if it has not ended by then; it goes on.
    """
    deadline = Deadline(units)
    while True:
        try:
            return process.wait(deadline.seconds_left())
        except subprocess.TimeoutExpired:
            if deadline.has_passed():
                raise TimeoutError(f"process {process.pid} has not ended after {deadline}") from None


def wait_until(happens: Callable[[], Any], units: float, process: subprocess.Popen[Any] | None = None) -> bool:
    """Wait until something happens.

    Args:
        happens: says whether it has.
        units: how many units of work it may take.
        process: what should bring it about, if anything can tell that it no longer will.

    Returns:
        Whether it happened; not, if the process ended or the time was up before.
    """
    deadline = Deadline(units)
    while not happens():
        if (process is not None and process.poll() is not None) or deadline.has_passed():
            return bool(happens())
        time.sleep(0.02)
    return True
