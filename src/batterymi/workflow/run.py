"""What surrounds a stage: its files by name, its settings as one typed model, a log, one thread, no tracebacks."""

import dataclasses
import inspect
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, get_type_hints

from batterymi.errors import BatteryMIError
from batterymi.process_guard import end_with_owner
from batterymi.text_safety import clean_message, write_error

logger = logging.getLogger(__name__)
ENDING = (signal.SIGINT, signal.SIGTERM)  # signals that end a job
STOPPED = "stopped before it was done; the next run starts it again"


def run_stage(stage: Callable[..., None], snakemake: Any) -> None:
    """Run a stage as a job of Snakemake: `input.table` reaches its parameter `table`, and so on.

    Args:
        stage: a function of `batterymi.stages`; see `bind_arguments` for what its parameters may be.
        snakemake: the object that Snakemake gives to scripts.
    """
    with log_to_file(snakemake.log[0]):
        stage(**bind_arguments(stage, snakemake))


def bind_arguments(stage: Callable[..., None], snakemake: Any) -> dict[str, Any]:
    """Find a value for each parameter of a stage, by its name.

    Args:
        stage: its parameters are named after inputs, outputs, params, wildcards or resources of its rule. `settings` is
            validated as the model that annotates it, `processes` is the number of threads, `inputs` all single input
            files by name. A parameter annotated with a dataclass takes several files, each named after a field.
        snakemake: the object that Snakemake gives to scripts.

    Returns:
        Arguments by name: paths, lists of paths, None for an input that the study does not have.

    Raises:
        TypeError: if a parameter has no file or value of its name, or an output no parameter.
    """
    inputs, outputs = _as_paths(snakemake.input), _as_paths(snakemake.output)
    known: dict[str, Any] = {
        **dict(snakemake.resources.items()),
        **dict(snakemake.wildcards.items()),
        **dict(snakemake.params.items()),
        "inputs": {name: path for name, path in inputs.items() if isinstance(path, Path)},
        **inputs,
        **outputs,
        "processes": snakemake.threads,
    }
    hints = get_type_hints(stage)
    found, used = {}, set()
    for name in inspect.signature(stage).parameters:
        hint = hints.get(name)
        if name == "settings":
            validate = getattr(hint, "model_validate", None)
            found[name] = validate(known[name]) if validate else known[name]
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            fields = {field.name for field in dataclasses.fields(hint)}
            found[name] = hint(**{key: known[key] for key in fields & set(known)})
            used |= fields
        elif name in known:
            found[name] = known[name]
        else:
            raise TypeError(f"{stage.__name__}: its rule has no '{name}'")
        used.add(name)
    if unused := sorted(set(outputs) - used):
        raise TypeError(f"{stage.__name__}: nothing writes {', '.join(unused)}")
    return found


def _as_paths(files: Any) -> dict[str, Path | list[Path] | None]:
    """Return the files of a rule as paths, by name; None where an input is empty."""
    paths_by_name: Mapping[str, Any] = dict(files.items())
    return {
        name: Path(value) if isinstance(value, str) else [Path(file) for file in value] or None
        for name, value in paths_by_name.items()
    }


class SafeFormatter(logging.Formatter):
    """A format of log lines in which control characters are visible, and no credentials."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with its traceback if it has one."""
        return clean_message(super().format(record))


class _LogFile(logging.FileHandler):
    """A log file that keeps the error of a failed write instead of printing the logger's traceback."""

    failure: OSError | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Keep an error of the file system; show any other error, which is a bug of ours."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self.failure = error
        else:
            super().handleError(record)

    def close(self) -> None:
        """Flush the file and close it."""
        try:
            super().close()
        except OSError as error:
            self.failure = error


@contextmanager
def log_to_file(path: str) -> Iterator[None]:
    """Send the package's log to a file, and turn a user's mistake into a clean exit.

    Numerical libraries are held to one thread inside the block, since the order in which several threads
    add up changes the last digits of a sum. The process ends with the Snakemake that started it.

    Args:
        path: the log file; an older one is replaced.

    Yields:
        Nothing.

    Raises:
        SystemExit: code 1 after a `BatteryMIError`, whose message is in the log, or on stderr if the log cannot be
            written; and if the log cannot be written.
    """
    end_with_owner()
    # from when the log is there, it says how the job ended: a signal waits until it can be written down
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        handler = _open_log(path)
    except SystemExit:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise
    handler.setFormatter(SafeFormatter("%(asctime)s %(message)s", "%H:%M:%S"))
    # the root logger, so that warnings of libraries are logged too
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("batterymi").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    started = time.perf_counter()
    problem = ""
    try:
        with _end_on_signals():
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            with limit_threads():
                yield
        logger.info("done in %.1f s", time.perf_counter() - started)
    except KeyboardInterrupt:
        problem = STOPPED
        logger.error("%s", problem)
    except BatteryMIError as error:
        problem = str(error)
        logger.error("error: %s", problem)
    except Exception as error:
        problem = STOPPED if _is_interrupt(error) else f"unexpected error, {type(error).__name__}: {error}"
        if problem == STOPPED:
            logger.error("%s", problem)
        else:
            logger.exception("unexpected error; please report it with this log")
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        # closed before its failure is read, since the flush on closing may fail too
        handler.close()
    if handler.failure:
        _exit_with_error(problem or _format_write_error(path, handler.failure))
    if problem:
        sys.exit(1)


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether an error comes from a signal to end, which Python wraps where a class is being made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _open_log(path: str) -> _LogFile:
    """Open a new log, or stop and say why it cannot be written."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return _LogFile(path, mode="w", encoding="utf-8")
    except OSError as error:
        _exit_with_error(_format_write_error(path, error))


def _format_write_error(path: str, error: OSError) -> str:
    """Format the reason for which a log could not be written."""
    return f"{path}: cannot be written: {error.strerror}"


def _exit_with_error(problem: str) -> NoReturn:
    """Print an error on stderr, since no log can hold it, and exit."""
    write_error(f"error: {problem}\n")
    sys.exit(1)


def _pass_over(number: int, frame: FrameType | None) -> None:
    """Do nothing about a signal."""


@contextmanager
def _end_on_signals() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what is half-written is removed and workers are stopped."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        # a second signal must not break off what the first one has begun; not SIG_IGN, since one that is under way
        # would be an error of Python
        for each in before:
            signal.signal(each, _pass_over)
        raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {}
    try:
        for number in ENDING:
            before[number] = signal.signal(number, stop)
    except ValueError:  # not in the main thread, where Python handles signals
        before.clear()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def limit_threads() -> Iterator[None]:
    """Limit the linear algebra libraries to one thread, whether they are loaded already or later."""
    import os

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        # libraries read these when they are loaded; a user's own setting is kept
        os.environ.setdefault(name, "1")
    if "numpy" not in sys.modules:
        yield
        return
    from threadpoolctl import threadpool_limits

    # libraries that are loaded already no longer read the environment
    with threadpool_limits(1):
        yield
