"""What a run was made from and what it made, by digest; and whether a rebuild makes the same.

A manifest holds no time, host or path outside the workflow's folder, so that two machines with the same lock, settings
and tables write the same one.
"""

import importlib.metadata
import math
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batterymi.errors import TableError
from batterymi.files import read_json, sha256, write_json

NAME = "MANIFEST.json"
LOCK = "requirements.lock"
RELATIVE, ABSOLUTE = 1e-4, 1e-9  # kernels of older processors change results by 2e-5, docs/reliability.md
NUMBERS = (".csv", ".json", ".parquet")  # compared by value where bytes differ; all else is drawn from these
UNEVEN = "traces.parquet"  # charges at the points in time that a solver chose, whose number may differ
DIGEST = re.compile(r"[0-9a-f]{64}")
TOP = (".csv", ".json", ".md", ".txt", ".html")


def write_manifest(path: str, *, studies: Sequence[str], settings: dict[str, Any], inputs: Sequence[str]) -> None:
    """Write down every output of a run, and what it was made from.

    Args:
        path: JSON to write, in the folder of the results.
        studies: the studies of the run.
        settings: the configuration of the run, as plain data.
        inputs: what it was made from: settings, tables, the lock.
    """
    folder = Path(path).parent
    write_json(
        path,
        {
            "studies": sorted(studies),
            "settings": settings,
            "python": platform.python_version(),
            "not_as_locked": _installed(Path(LOCK)) if Path(LOCK).is_file() else {},
            "inputs": _digests(map(Path, sorted(set(inputs))), Path()),
            "outputs": _digests(outputs_of(folder, studies), folder),
        },
    )


def outputs_of(folder: Path, studies: Iterable[str]) -> list[Path]:
    """Files that a run of some studies leaves: its tables at the top, and everything of each study.

    Args:
        folder: the folder of the results.
        studies: names of studies.
    """
    found = [file for file in folder.iterdir() if file.suffix in TOP and file.name != NAME]
    for study in studies:
        found += [file for file in (folder / study).rglob("*") if file.is_file()]
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))


@dataclass
class Comparison:
    """Two sets of results beside each other.

    Attributes:
        same: files with the same bytes.
        close: files whose numbers agree within the tolerance, each with the largest relative difference.
        drawn: files made for people, whose bytes differ while all numbers agree within the tolerance.
        different: files that differ, each with where.
        missing: files that only one side has.
    """

    same: list[str] = field(default_factory=list)
    close: dict[str, float] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing or differs beyond the tolerance."""
        return not self.different and not self.missing

    def lines(self) -> list[str]:
        """What to tell."""
        told = [f"{len(self.same)} files have the same bytes"]
        if self.close:
            worst = max(self.close, key=lambda name: self.close[name])
            told.append(
                f"{len(self.close)} agree within {RELATIVE:g}; the most differs {worst}, by {self.close[worst]:.1g}"
            )
        if self.drawn:
            told.append(
                f"{len(self.drawn)} are drawn or printed from numbers that agree so: {', '.join(self.drawn[:5])}"
            )
        told += [f"{name}: differs: {where}" for name, where in sorted(self.different.items())]
        told += [f"{name}: only one side has it" for name in sorted(self.missing)]
        return told


def compare_results(ours: Path, theirs: Path, names: Iterable[str], others: Iterable[str]) -> Comparison:
    """Compare two folders of results file by file.

    Files of numbers whose bytes differ are compared number by number, relative difference at most `RELATIVE`. Where
    none of them differs at all, figures, pages and models must have the same bytes too.

    Args:
        ours: one folder.
        theirs: the other.
        names: files of the first, relative to it.
        others: files of the second.
    """
    found = Comparison(missing=sorted(set(names) ^ set(others)))
    unequal: list[str] = []
    for name in sorted(set(names) & set(others)):
        (found.same if sha256(ours / name) == sha256(theirs / name) else unequal).append(name)
    for name in unequal:
        if _has_numbers(name):
            difference, where = _difference(ours / name, theirs / name)
            if difference <= RELATIVE:
                found.close[name] = difference
            else:
                found.different[name] = where
    moved = (
        "its bytes" if found.close or found.different else "its bytes, though it is made from numbers that are the same"
    )
    drawn = [name for name in unequal if not _has_numbers(name)]
    if found.close and not found.different:
        found.drawn = drawn
    else:
        found.different |= dict.fromkeys(drawn, moved)
    return found


def check_inputs(manifest: dict[str, Any], folder: Path = Path()) -> list[str]:
    """Inputs of a run that are no longer what they were, a line each.

    Args:
        manifest: as `write_manifest` wrote it.
        folder: the workflow's folder.
    """
    return _changed(manifest["inputs"], folder, "was changed since")


def check_outputs(manifest: dict[str, Any], folder: Path) -> list[str]:
    """Outputs of a run that are no longer what it wrote, a line each.

    Args:
        manifest: as `write_manifest` wrote it.
        folder: the folder of the results.
    """
    return _changed(manifest["outputs"], folder, "is not what the run wrote")


def _changed(digests: dict[str, str], folder: Path, word: str) -> list[str]:
    """Files that are gone or have another digest."""
    gone = [f"{folder / name}: is gone" for name in digests if not (folder / name).is_file()]
    there = {name: digest for name, digest in digests.items() if (folder / name).is_file()}
    return gone + [f"{folder / name}: {word}" for name, digest in there.items() if sha256(folder / name) != digest]


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


def _has_numbers(name: str) -> bool:
    """Whether a file is compared number by number."""
    return Path(name).suffix in NUMBERS and Path(name).name != UNEVEN


def _digests(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """Digest of each file by its path from a folder."""
    return {file.relative_to(folder).as_posix(): sha256(file) for file in files}


def _installed(lock: Path) -> dict[str, str]:
    """Versions of packages that differ from the lock, with what is installed; empty where all is as locked."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        name, _, wanted = line.partition(";")[0].strip().partition("==")
        if not wanted:
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for other systems or versions of Python
        if version.partition("+")[0] != wanted and ";" not in line:
            found[name] = version
    return found


def _difference(ours: Path, theirs: Path) -> tuple[float, str]:
    """Largest relative difference of the numbers of two files, and where; infinite where more than numbers differs."""
    if ours.suffix == ".json":
        return _unlike(read_json(ours), read_json(theirs), "")
    import pandas as pd

    if ours.suffix == ".parquet":
        left, right = pd.read_parquet(ours), pd.read_parquet(theirs)
    else:
        left, right = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (ours, theirs))
    if list(left.columns) != list(right.columns) or len(left) != len(right):
        return math.inf, "its columns or its number of rows"
    worst, where = 0.0, ""
    for column in left:
        for row, pair in enumerate(zip(left[column].tolist(), right[column].tolist(), strict=True)):
            difference = _apart(*pair)
            if difference > worst:
                worst, where = difference, f"row {row + 1}, {column}: {pair[0]} and {pair[1]}"
    return worst, where


def _unlike(left: Any, right: Any, place: str) -> tuple[float, str]:
    """Largest relative difference of two JSON contents, and where."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return math.inf, f"{place}: its keys"
        pairs = [(left[key], right[key], f"{place}.{key}".lstrip(".")) for key in left]
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return math.inf, f"{place}: its length"
        pairs = [(a, b, f"{place}[{number}]") for number, (a, b) in enumerate(zip(left, right, strict=True))]
    else:
        return _apart(left, right), f"{place}: {left} and {right}"
    return max((_unlike(*pair) for pair in pairs), key=lambda found: found[0], default=(0.0, ""))


def _apart(left: Any, right: Any) -> float:
    """Relative difference of two values; infinite if they are not both numbers and unequal."""
    if left == right or (left != left and right != right):
        return 0.0
    if isinstance(left, str) and isinstance(right, str) and DIGEST.fullmatch(left) and DIGEST.fullmatch(right):
        return 0.0  # of a file that is compared itself
    try:
        a, b = float(left), float(right)
    except (TypeError, ValueError):
        return math.inf
    if math.isnan(a) or math.isnan(b) or isinstance(left, bool) or isinstance(right, bool):
        return 0.0 if math.isnan(a) and math.isnan(b) else math.inf
    gap = abs(a - b)
    return 0.0 if gap <= ABSOLUTE else gap / max(abs(a), abs(b))
