"""Digests of what users edit, taken when a run begins: tables, lists of designs and candidates, claims, data sets.

They are params of the rules that read these files, so that content decides what runs again. The store also hands them
to the processes of single jobs, which compare what they read with what the run began with.
"""

import json
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from batterymi.data.input_files import NO_FILE
from batterymi.errors import BatteryMIError
from batterymi.files import compute_sha256, write_json

STORE = Path(".snakemake/battery-mi-digests.json")
ALWAYS_HASHED = 1_000_000  # bytes; a larger file is hashed again only if its size or its date differs


def take_digests(
    paths: Iterable[str], store: Path = STORE, *, is_first: bool = True, is_kept: bool = True
) -> dict[str, str]:
    """Return the SHA-256 of each file, `NO_FILE` for one that does not exist or cannot be read.

    Args:
        paths: the files.
        store: where digests are kept between processes.
        is_first: whether this process begins the run; one of a single job takes the digests of the run.
        is_kept: whether to write the store; False where nothing runs.
    """
    known = _read_store(store)
    taken = {path: _take_digest(path, known.get(path), is_first=is_first) for path in sorted(set(paths))}
    if is_first and is_kept and taken != known:
        with suppress(BatteryMIError):  # only time is lost: files are hashed again
            write_json(store, known | taken, recorded=False)
    return {path: str(entry[2]) for path, entry in taken.items()}


def find_changes(at_start: Mapping[str, str]) -> list[str]:
    """Return the files that are no longer what they were when a run began; those that it fetched are new."""
    now = take_digests(at_start, is_kept=False)
    return [path for path, digest in at_start.items() if digest != NO_FILE and now[path] != digest]


def _take_digest(path: str, known: list[int | str] | None, *, is_first: bool) -> list[int | str]:
    """Return size, time of the last change in ns, and digest of a file."""
    if known and not is_first:
        return known
    try:
        status = Path(path).stat()
        if known and known[:2] == [status.st_size, status.st_mtime_ns] and status.st_size >= ALWAYS_HASHED:
            return known
        # reading a pipe would wait for somebody who writes it
        digest = compute_sha256(path) if stat.S_ISREG(status.st_mode) else NO_FILE
        return [status.st_size, status.st_mtime_ns, digest]
    except OSError:
        return [0, 0, NO_FILE]


def _read_store(store: Path) -> dict[str, list[int | str]]:
    """Return what the store holds; nothing if it is missing or damaged, since it only saves time."""
    try:
        content = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        path: entry
        for path, entry in content.items()
        if isinstance(entry, list) and [type(part) for part in entry] == [int, int, str]
    }
