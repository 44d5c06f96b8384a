"""One run per folder, by a lock that the system releases when the run ends, however it ends.

Snakemake's own lock is a file that a killed run leaves behind, and a person has to remove. This one is held by the
process.
"""

import errno
import os
from pathlib import Path

from filelock import FileLock, Timeout

from batterymi.text_safety import write_error
from batterymi.workflow.refuse import stop

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_HELD: list[FileLock] = []  # a lock that nothing refers to is released


def hold_lock(path: Path, place: str) -> None:
    """Lock a folder for this run, or stop and say which process holds the lock.

    Where the file system has no locks, as on shared file systems of some clusters, a line says so, and the run goes on.

    Args:
        path: the file to lock; its folder is made if missing.
        place: the folder's name in messages.

    Raises:
        SystemExit: if another run holds the lock, or the file cannot be written.
    """
    lock, owner = FileLock(path, thread_local=False), path.with_suffix(".owner")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        owner.write_text(str(os.getpid()), encoding="utf-8")
    except Timeout:
        holder = owner.read_text(encoding="utf-8") if owner.is_file() else "unknown"
        stop([f"another run (process {holder}) is working in {place}; wait for it, or stop it, then start again"])
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            stop([f"{path.absolute()}: cannot be written: {error.strerror}"])
        write_error(f"battery-mi: this file system has no locks; make sure that no other run works in {place}\n")
    _HELD.append(lock)
