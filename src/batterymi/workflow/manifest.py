"""What a run was made from and what it made, by digest.

A manifest holds no time, host or path outside the workflow's folder, so that two machines with the same lock, settings
and tables write the same one.
"""

import importlib.metadata
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from batterymi.errors import TableError
from batterymi.files import compute_sha256, read_json
from batterymi.workflow.installed import find_workflow_folder

NAME = "MANIFEST.json"
LOCK = "requirements.lock"


def make_manifest(
    folder: Path, studies: Sequence[str], settings: dict[str, Any], inputs: Mapping[str, str], made: Sequence[str]
) -> dict[str, Any]:
    """Describe every output of a run, and what it was made from.

    Args:
        folder: the folder of the results.
        studies: the studies of the run.
        settings: the configuration of the run, as plain data.
        inputs: digests of what it was made from.
        made: regular expressions of what the run makes, relative to the folder.
    """
    outputs = list_outputs(folder, studies, made)
    return {
        "studies": sorted(studies),
        "settings": settings,
        "python": platform.python_version(),
        "not_as_locked": _find_unlocked(_find_lock()),
        "inputs": dict(sorted(inputs.items())),
        "outputs": {file.relative_to(folder).as_posix(): compute_sha256(file) for file in outputs},
    }


def digest_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the digest of each file that exists."""
    return {path: compute_sha256(path) for path in sorted(set(paths)) if Path(path).is_file()}


def list_outputs(folder: Path, studies: Iterable[str], made: Iterable[str] = (".*",)) -> list[Path]:
    """List the files that a run of some studies leaves: its tables at the top, and what it makes of each study.

    Args:
        folder: the folder of the results.
        studies: names of studies.
        made: regular expressions of what the run makes, relative to the folder. Other files are left out, as those of
            targets that a plain run does not make.
    """
    found = [*folder.iterdir(), *(file for study in studies for file in (folder / study).rglob("*"))]
    wanted = re.compile("|".join(f"(?:{_drop_group_names(pattern)})" for pattern in made))
    return sorted(file for file in found if file.is_file() and _is_output(file.relative_to(folder), wanted))


def _is_output(path: Path, wanted: re.Pattern[str]) -> bool:
    """Return whether a file, relative to the folder of the results, is listed."""
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not is_hidden and path.name != NAME and wanted.fullmatch(path.as_posix()) is not None


def _drop_group_names(pattern: str) -> str:
    """Return a regular expression without names of groups, since a larger one may use each name only once."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def find_changed_inputs(manifest: Mapping[str, Any], folder: Path = Path()) -> list[str]:
    """Return a line for each input that is no longer what the run was made from.

    Args:
        manifest: as `write_manifest` wrote it.
        folder: the workflow's folder.
    """
    return _find_changed(manifest["inputs"], folder, "was changed since")


def find_changed_outputs(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """Return a line for each output that is no longer what the run wrote.

    Args:
        manifest: as `write_manifest` wrote it.
        folder: the folder of the results.
    """
    return _find_changed(manifest["outputs"], folder, "is not what the run wrote")


def _find_changed(digests: Mapping[str, str], folder: Path, problem: str) -> list[str]:
    """Return a line for each file that is missing or has another digest."""
    missing = [name for name in digests if not (folder / name).is_file()]
    changed = [name for name in digests if name not in missing and compute_sha256(folder / name) != digests[name]]
    return [f"{folder / name}: is missing" for name in missing] + [f"{folder / name}: {problem}" for name in changed]


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        TableError: if there is none.
        DamagedFileError: if the file is not one.
    """
    if not path.is_file():
        raise TableError(f"{path}: there is no such file; run snakemake first, which writes it last")
    content: dict[str, Any] = read_json(path, needs=("studies", "settings", "inputs", "outputs"))
    return content


def _find_lock() -> Path:
    """Find the list of versions that results are compared with: the folder's, or the installed workflow's."""
    return Path(LOCK) if Path(LOCK).is_file() else find_workflow_folder() / LOCK


def _find_unlocked(lock: Path) -> dict[str, str]:
    """Return the packages whose installed version differs from the lock, with that version."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        name, _, wanted = line.partition(";")[0].strip("\\ ").partition("==")
        if not wanted or ";" in line:  # digests, or for some systems or versions of Python only
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for other systems or versions of Python
        if version.partition("+")[0] != wanted:
            found[name] = version
    return found
