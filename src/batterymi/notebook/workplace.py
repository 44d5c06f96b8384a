"""Where work from Python is done and kept: the project's folder, a lock for each study, results that are reused."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from batterymi.errors import BatteryMIError
from batterymi.files import check_content, compute_sha256, write_json
from batterymi.notebook.arguments import speak_python
from batterymi.text_safety import clean_message
from batterymi.user_files import create_file, lock_path
from batterymi.workflow.project import PYTHON_WORK
from batterymi.workflow.provenance import find_code_closure, find_package_folder
from batterymi.workflow.run import SafeFormatter, limit_threads

WORK = PYTHON_WORK  # in the project's folder
PATIENCE_S = 600.0  # another window may be fitting models
_TURN = RLock()  # the working directory belongs to the whole process


@dataclass(frozen=True)
class Workplace:
    """The folder of one study's work, relative to the project's.

    Attributes:
        study: its name.
    """

    study: str

    @property
    def folder(self) -> Path:
        """Return the folder, laid out as that of the study's results."""
        return WORK / "studies" / self.study

    @property
    def log(self) -> Path:
        """Return the log of the last computation."""
        return self.folder / "log.txt"


@dataclass
class Messages:
    """What stages say while they run.

    Attributes:
        warnings: lines for the user.
    """

    warnings: list[str] = field(default_factory=list)


class _Collector(logging.Handler):
    """A handler that keeps warnings of the package."""

    def __init__(self, messages: Messages) -> None:
        """Keep what to add to."""
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        """Add a message, if the package says it: those of libraries are in the log alone."""
        if record.name.startswith("batterymi"):
            self.messages.warnings.append(clean_message(record.getMessage()))


@contextmanager
def work_in(folder: Path) -> Iterator[None]:
    """Work in a project's folder, to which all paths of settings are relative.

    Calls of one process take turns, since the working directory is that of the whole process. Messages of errors are
    in the words of Python.

    Args:
        folder: of the project, absolute.

    Yields:
        Nothing.

    Raises:
        BatteryMIError: if there is no such folder.
    """
    with _TURN, speak_python():
        before = Path.cwd()
        try:
            is_here = folder.samefile(before)
            if not is_here:
                os.chdir(folder)
        except OSError as error:
            raise BatteryMIError(f"{folder}: cannot be entered: {error.strerror}") from None
        try:
            yield
        finally:
            if not is_here:
                os.chdir(before)


@contextmanager
def hold_study(place: Workplace) -> Iterator[None]:
    """Hold the lock of a study, so that other windows and processes wait.

    Args:
        place: of the study; its folder is made.

    Yields:
        Nothing.

    Raises:
        OutputError: if another process keeps it for ten minutes, or the folder cannot be written.
    """
    with lock_path(place.folder, PATIENCE_S):
        ignored = WORK / ".gitignore"
        if not ignored.exists():
            with suppress(FileExistsError):
                create_file(ignored, b"*\n")
        yield


@contextmanager
def run_quietly(place: Workplace) -> Iterator[Messages]:
    """Run stages: their messages go to the study's log, numerical libraries use one thread as in jobs.

    Args:
        place: of the study.

    Yields:
        What they warn of.
    """
    messages = Messages()
    place.log.parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(place.log, mode="a", encoding="utf-8")
    to_file.setFormatter(SafeFormatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    package, collector = logging.getLogger("batterymi"), _Collector(messages)
    level, propagates = package.level, package.propagate
    package.setLevel(logging.INFO)
    package.propagate = False
    for handler in (to_file, collector):
        package.addHandler(handler)
    try:
        with limit_threads():
            yield messages
    finally:
        for handler in (to_file, collector):
            package.removeHandler(handler)
        to_file.close()
        package.setLevel(level)
        package.propagate = propagates


def make_key(settings: Mapping[str, Any], files: Mapping[str, str], code: Iterable[Path]) -> str:
    """Return the digest of all that a result depends on.

    Args:
        settings: of the stage, as plain data.
        files: digests of what it reads, by path.
        code: source files that it runs.
    """
    root = find_package_folder()
    sources = {str(path.relative_to(root)): compute_sha256(path) for path in code}
    content = json.dumps([settings, files, sources], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def list_stage_code(stage: str, names: Iterable[str] = ()) -> list[Path]:
    """List the source files that a stage runs.

    Args:
        stage: its name.
        names: dotted modules that it looks up by name.
    """
    return find_code_closure(find_package_folder() / "stages" / f"{stage}.py", tuple(names))


def reuse_or_make(key: str, record: Path, files: Iterable[Path], make: Callable[[], None]) -> bool:
    """Make files, unless they are there, made from the same, and undamaged.

    The record is written last, so that what was broken off is made again.

    Args:
        key: digest of what the files depend on.
        record: JSON file that holds the key of the files that are there.
        files: what is made.
        make: makes them.

    Returns:
        Whether they were made.

    Raises:
        BatteryMIError: if they cannot be made.
    """
    if _is_current(key, record, files):
        return False
    record.unlink(missing_ok=True)
    make()
    write_json(record, {"key": key})
    return True


def _is_current(key: str, record: Path, files: Iterable[Path]) -> bool:
    """Return whether files are there, made from the same, and undamaged."""
    try:
        if json.loads(record.read_text(encoding="utf-8")) != {"key": key}:
            return False
        for path in files:
            if not path.is_file():
                return False
            check_content(path)
    except (OSError, ValueError, BatteryMIError):
        return False
    return True
