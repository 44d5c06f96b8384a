"""One run per folder, by a lock that the system releases when the run ends, however it ends.

Snakemake's own lock is a file that a killed run leaves behind, and a person has to remove. This one is held by the
process.
"""

import errno
import fcntl
import os
import sys
from pathlib import Path
from typing import Any

_HELD: list[Any] = []
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # as on shared file systems of some clusters


def hold_lock(path: Path, place: str) -> None:
    """Take a folder for this run, or stop and say who has it.

    Where the file system has no locks, a line says so, and the run goes on.

    Args:
        path: the file to lock; its folder is made if missing.
        place: what messages call the folder.

    Raises:
        SystemExit: if another run holds the lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        sys.exit(f"\nbattery-mi cannot start:\n  {path.absolute()}: cannot be written: {error.strerror}")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        owner = stream.read().strip() or "unknown"
        sys.exit(
            f"\nbattery-mi cannot start:\n  another run (process {owner}) is working in {place}; "
            "wait for it, or stop it, then start again"
        )
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        stream.close()
        sys.stderr.write(f"battery-mi: this file system has no locks; see to it that no other run works in {place}\n")
        return
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    _HELD.append(stream)
