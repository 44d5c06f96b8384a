"""Files that a user edits: what is hashed is what was read, and a change during a run is noticed.

A run takes the digests of its input files when it begins. Rules have them as params, so that the content of a file
decides what runs again, not its date; a stage compares them with what it reads.
"""

import hashlib
import logging
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from batterymi.errors import TableError
from batterymi.files import compute_sha256

logger = logging.getLogger(__name__)

NO_FILE = ""  # digest of a file that does not exist


class Content(NamedTuple):
    """The bytes of a file, and the SHA-256 of these very bytes."""

    data: bytes
    sha256: str


def read_content(path: str | Path, setting: str = "table.file") -> Content:
    """Read a file once, and hash what was read.

    Args:
        path: the file.
        setting: the setting that names it, for the message.

    Raises:
        TableError: if it is missing or cannot be read.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise TableError(f"{path}: is not a file, as a folder or a pipe; check {setting}")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; check {setting}") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from None
    return Content(data, hashlib.sha256(data).hexdigest())


def warn_of_changes(read: Mapping[str, str], at_start: Mapping[str, str]) -> None:
    """Log a warning for each table that is no longer what it was when the run began.

    The digest of what was read is kept in `table.json`, so that the next run sees whether it is still right.

    Args:
        read: digests of what was read, by path.
        at_start: digests from when the run began, by path; files without one are passed over.
    """
    for path in _list_changed(read, at_start):
        logger.warning(
            "%s: was changed after this run began; what follows is made from what it held when it was read (SHA-256 "
            "%s…), and the next run reads it again",
            path,
            read[path][:12],
        )


def refuse_changes(read: Mapping[str, str], at_start: Mapping[str, str]) -> None:
    """Refuse files that are no longer what they were when the run began, where no result keeps their digest.

    Args:
        read: digests of what was read, by path.
        at_start: digests from when the run began, by path; files without one are passed over.

    Raises:
        TableError: naming each.
    """
    if changed := _list_changed(read, at_start):
        raise TableError(f"{', '.join(changed)}: was changed after this run began; nothing was written, run again")


def _list_changed(read: Mapping[str, str], at_start: Mapping[str, str]) -> list[str]:
    """Return the paths whose content is another one than at the start."""
    return [path for path, digest in read.items() if path in at_start and at_start[path] != digest]


@contextmanager
def hold_unchanged(paths: Iterable[str | Path]) -> Iterator[dict[str, str]]:
    """Yield the digests of files that are read in pieces, or by a library, while the block runs.

    Args:
        paths: the files; one that is missing is left to its reader.

    Raises:
        TableError: if one of them was changed while it was read.
    """
    files = [Path(path) for path in paths]
    before = {str(path): compute_sha256(path) for path in files if path.is_file()}
    yield before
    for path, digest in before.items():
        if not Path(path).is_file() or compute_sha256(path) != digest:
            raise TableError(f"{path}: was changed while it was read; nothing was written, run again")
