"""Processes that end with the Snakemake that started them, so that none of them writes beside a later run."""

import ctypes
import os
import signal
import sys

OWNER = "BATTERYMI_SNAKEMAKE"
_PR_SET_PDEATHSIG = 1


def own_jobs() -> None:
    """Let the processes that this one starts know whose they are."""
    os.environ[OWNER] = str(os.getpid())


def end_with_owner() -> None:
    """Have the system end this process when the one that started it ends, however it ends.

    Linux can do so; elsewhere, and where no Snakemake started it, nothing happens. Loading a job's modules takes
    seconds, so its Snakemake may be gone by now.

    Raises:
        SystemExit: if it is.
    """
    owner = os.environ.get(OWNER)
    if owner is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        sys.exit(1)
    except PermissionError:
        return
