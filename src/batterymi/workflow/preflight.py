"""What would stop a run in its middle, reported before it starts: dates, room on the disk, folders."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

TOLERANCE_S = 5.0  # less than that passes while a job runs
MAX_LISTED = 3
NEEDED_MB = 100  # the default run writes 20 MB; Snakemake's own records fail badly on a full disk


def find_folder_problems(folders: Iterable[str | Path]) -> list[str]:
    """Folders that cannot be written, and disks without room, each in one line.

    Args:
        folders: that a run writes to; of one that is missing, the nearest folder above it counts.
    """
    problems = []
    for folder in map(Path, folders):
        # a folder that is missing is made by the run, in its nearest existing parent
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            problems.append(f"{there}: a file is in the way of a folder; move it")
        elif not os.access(there, os.W_OK | os.X_OK):
            problems.append(f"{there}: cannot be written; make the folder writable, or name another under pathvars")
        elif (free := shutil.disk_usage(there).free) < NEEDED_MB * 1e6:
            problems.append(f"{there}: {free / 1e6:.0f} MB are left on the disk; free at least {NEEDED_MB} MB")
    # several folders may have the same nearest parent
    return list(dict.fromkeys(problems))


def find_date_problems(places: Iterable[str | Path]) -> list[str]:
    """Files dated in the future, as a clock that was wrong leaves behind, in one line.

    Snakemake fails a job whose outputs are older than its inputs, which all are while an input is dated in the future.

    Args:
        places: files, and folders to look through; what is missing is passed over.
    """
    now = time.time()
    files = (file for place in places for file in _list_file_dates(Path(place)))
    late = sorted(path for path, dated in files if dated > now + TOLERANCE_S)
    if not late:
        return []
    dated = datetime.fromtimestamp(late[0].stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
    listed = ", ".join(str(path) for path in late[:MAX_LISTED])
    more = f" and {len(late) - MAX_LISTED} more" if len(late) > MAX_LISTED else ""
    return [
        f"dated in the future: {listed}{more} (the first {dated}); set the clock, then date the files now: "
        "find . -newermt now -exec touch {} +"
    ]


def _list_file_dates(place: Path) -> Iterator[tuple[Path, float]]:
    """Yield the files with the times of their last change."""
    if place.is_file():
        yield place, place.stat().st_mtime
    for folder, _, names in os.walk(place):
        for path in (Path(folder, name) for name in names):
            try:
                yield path, path.stat().st_mtime
            except OSError:
                continue  # gone meanwhile
