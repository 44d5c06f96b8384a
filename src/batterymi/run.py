"""What every adapter does around its one call: a log, one thread, and errors without tracebacks."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batterymi.errors import BatteryMIError

logger = logging.getLogger(__name__)


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send the package's log to a file, and turn a user's mistake into a clean exit.

    Numerical libraries are held to one thread inside the block, since the order in which several threads
    add up changes the last digits of a sum.

    Args:
        path: the log file; it is started anew.

    Yields:
        Nothing.

    Raises:
        SystemExit: code 1 after a `BatteryMIError`, whose message stands in the log.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("batterymi").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    started = time.perf_counter()
    try:
        with _one_thread():
            yield
        logger.info("done in %.1f s", time.perf_counter() - started)
    except BatteryMIError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("unexpected error; please report it with this log")
        sys.exit(1)
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        handler.close()


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
