"""Processes that end with the Snakemake process that started them, so that none writes during a later run."""

import ctypes
import os
import signal
import sys

OWNER = "BATTERYMI_SNAKEMAKE"
# from <linux/prctl.h>
_PR_SET_PDEATHSIG = 1


def set_job_owner() -> None:
    """Record this process as the owner of the processes that it starts."""
    os.environ[OWNER] = str(os.getpid())


def end_with_owner() -> None:
    """Have the system end this process when its owner ends, however that happens.

    Linux can do so; elsewhere, and where no Snakemake started it, nothing happens. Loading a job's modules takes
    seconds, so its Snakemake may be gone by now.

    Raises:
        SystemExit: if it has ended.
    """
    owner = os.environ.get(OWNER)
    if owner is None or sys.platform != "linux":
        return
    # Python has no binding for prctl
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        # signal 0 only tests for the process, which may have ended before prctl took effect
        os.kill(int(owner), 0)
    except ProcessLookupError:
        sys.exit(1)
    # the process exists but belongs to another user
    except PermissionError:
        return
