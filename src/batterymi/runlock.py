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


def hold_lock(workflow: Any, folder: str = ".snakemake") -> None:
    """Take the folder for this run, or stop and say who has it.

    Dry runs, and the processes that Snakemake starts for single jobs, need no lock. Where the file system has none, a
    line says so, and the run goes on.

    Args:
        workflow: Snakemake's workflow object.
        folder: where the lock file lies.

    Raises:
        SystemExit: if another run holds the lock.
    """
    if workflow.exec_mode != workflow.exec_mode.DEFAULT or workflow.dryrun:
        return
    path = Path(folder) / "battery-mi.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        stream = path.open("a+", encoding="utf-8")
    except OSError as error:
        sys.exit(f"\nbattery-mi cannot start:\n  {path.absolute()}: cannot be written: {error.strerror}")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        owner = stream.read().strip() or "unknown"
        sys.exit(
            f"\nbattery-mi cannot start:\n  another run (process {owner}) is working in this folder; "
            "wait for it, or stop it, then start again"
        )
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        stream.close()
        sys.stderr.write(
            "battery-mi: this file system has no locks; see to it that no other run works in this folder\n"
        )
        return
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    _HELD.append(stream)
