"""What every adapter does around its one call: a log, one thread, and errors without tracebacks."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from batterymi.errors import BatteryMIError
from batterymi.lifetime import end_with_owner

logger = logging.getLogger(__name__)


class _LogFile(logging.FileHandler):
    """A log file that remembers why it could not be written, instead of printing tracebacks of the logger."""

    failure: OSError | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Remember what the disk said; other errors are mistakes of ours and are shown."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self.failure = error
        else:
            super().handleError(record)

    def close(self) -> None:
        """Write what is left, and close."""
        try:
            super().close()
        except OSError as error:
            self.failure = error


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send the package's log to a file, and turn a user's mistake into a clean exit.

    Numerical libraries are held to one thread inside the block, since the order in which several threads
    add up changes the last digits of a sum. The process ends with the Snakemake that started it.

    Args:
        path: the log file; it is started anew.

    Yields:
        Nothing.

    Raises:
        SystemExit: code 1 after a `BatteryMIError`, whose message stands in the log, or on stderr if the log cannot be
            written; and if the log cannot be written.
    """
    end_with_owner()
    handler = _open_log(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("batterymi").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    started = time.perf_counter()
    problem = ""
    try:
        with _one_thread():
            yield
        logger.info("done in %.1f s", time.perf_counter() - started)
    except BatteryMIError as error:
        problem = str(error)
        logger.error("error: %s", problem)
    except Exception as error:
        problem = f"unexpected error, {type(error).__name__}: {error}"
        logger.exception("unexpected error; please report it with this log")
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        handler.close()
    if handler.failure:
        _stop(problem or _unwritten(path, handler.failure))
    if problem:
        sys.exit(1)


def _open_log(path: str) -> _LogFile:
    """Start a log, or stop and say why it cannot be written."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return _LogFile(path, mode="w", encoding="utf-8")
    except OSError as error:
        _stop(_unwritten(path, error))


def _unwritten(path: str, error: OSError) -> str:
    """What a log could not be written for."""
    return f"{path}: cannot be written: {error.strerror}"


def _stop(problem: str) -> NoReturn:
    """End with a line where no log can hold it."""
    sys.stderr.write(f"error: {problem}\n")
    sys.exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold the linear algebra libraries to one thread, where any is loaded already or later."""
    import os

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if "numpy" not in sys.modules:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
