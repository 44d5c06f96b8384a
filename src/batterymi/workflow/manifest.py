"""What a run was made from and what it made, by digest; and whether a rebuild makes the same.

A manifest holds no time, host or path outside the workflow's folder, so that two machines with the same lock, settings
and tables write the same one.
"""

import importlib.metadata
import math
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batterymi.errors import TableError
from batterymi.files import read_json, sha256

NAME = "MANIFEST.json"
LOCK = "requirements.lock"
RELATIVE = 1e-4  # kernels of older processors change results by 2e-5, docs/results/2026-11-26-faults-and-processors.md
ROUNDING = 1e-9  # of the largest number of a column or list; what is smaller is rounding about zero there
NUMBERS = (".csv", ".json", ".parquet")  # compared by value where bytes differ; all else is drawn from these
UNEVEN = "traces.parquet"  # charges at the points in time that a solver chose, whose number may differ
DIGEST = re.compile(r"[0-9a-f]{64}")


def make_manifest(
    folder: Path, studies: Sequence[str], settings: dict[str, Any], inputs: Mapping[str, str], made: Sequence[str]
) -> dict[str, Any]:
    """Describe every output of a run, and what it was made from.

    Args:
        folder: the folder of the results.
        studies: the studies of the run.
        settings: the configuration of the run, as plain data.
        inputs: digests of what it was made from.
        made: regular expressions of what the run makes, as seen from the folder.
    """
    return {
        "studies": sorted(studies),
        "settings": settings,
        "python": platform.python_version(),
        "not_as_locked": _installed(Path(LOCK)) if Path(LOCK).is_file() else {},
        "inputs": dict(sorted(inputs.items())),
        "outputs": _digests(outputs_of(folder, studies, made), folder),
    }


def digests_of(paths: Iterable[str]) -> dict[str, str]:
    """Digest of each file that is there."""
    return {path: sha256(path) for path in sorted(set(paths)) if Path(path).is_file()}


def outputs_of(folder: Path, studies: Iterable[str], made: Iterable[str] = (".*",)) -> list[Path]:
    """Files that a run of some studies leaves: its tables at the top, and what it makes of each study.

    Args:
        folder: the folder of the results.
        studies: names of studies.
        made: regular expressions of what the run makes, as seen from the folder; other files, as those of targets of
            their own, are passed over.
    """
    there = [*folder.iterdir(), *(file for study in studies for file in (folder / study).rglob("*"))]
    wanted = re.compile("|".join(f"(?:{_unnamed(one)})" for one in made))
    return sorted(
        file
        for file in there
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.name != NAME
        and wanted.fullmatch(file.relative_to(folder).as_posix())
    )


def _unnamed(pattern: str) -> str:
    """A regular expression without names of groups, of which each may stand once in a larger one."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


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

    Files of numbers whose bytes differ are compared number by number, relative difference at most `RELATIVE`. Models,
    figures and pages must have the same bytes unless a number of their study differs, and count as drawn where their
    study's numbers agree; pages of all studies likewise, by all numbers.

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
    for name in filter(_has_numbers, unequal):
        difference, where = _difference(ours / name, theirs / name)
        if difference <= RELATIVE:
            found.close[name] = difference
        else:
            found.different[name] = where
    apart = {Path(name).parts[0] for name in found.different}
    moved = apart | {Path(name).parts[0] for name, difference in found.close.items() if difference > 0}
    for name in (name for name in unequal if not _has_numbers(name)):
        part, *below = Path(name).parts
        if part not in moved if below else not moved:
            found.different[name] = "its bytes, though it is made from numbers that are the same"
        elif part in apart if below else apart:
            found.different[name] = "its bytes"
        else:
            found.drawn.append(name)
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
        name, _, wanted = line.partition(";")[0].rstrip("\\ ").partition("==")
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
        pairs = list(zip(left[column].tolist(), right[column].tolist(), strict=True))
        floor = _floor(one for one, _ in pairs)
        for row, pair in enumerate(pairs):
            difference = _apart(*pair, floor)
            if difference > worst:
                worst, where = difference, f"row {row + 1}, {column}: {pair[0]} and {pair[1]}"
    return worst, where


def _unlike(left: Any, right: Any, place: str, floor: float = 0.0) -> tuple[float, str]:
    """Largest relative difference of two JSON contents, and where."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return math.inf, f"{place}: its keys"
        pairs = [(left[key], right[key], f"{place}.{key}".lstrip("."), 0.0) for key in left]
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return math.inf, f"{place}: its length"
        low = _floor(left)
        pairs = [(a, b, f"{place}[{number}]", low) for number, (a, b) in enumerate(zip(left, right, strict=True))]
    else:
        return _apart(left, right, floor), f"{place}: {left} and {right}"
    return max((_unlike(*pair) for pair in pairs), key=lambda found: found[0], default=(0.0, ""))


def _floor(values: Iterable[Any]) -> float:
    """What counts as zero among values that belong together."""
    return ROUNDING * max((abs(number) for number in map(_number, values) if math.isfinite(number)), default=0.0)


def _number(value: Any) -> float:
    """A value as a number, or not-a-number."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _apart(left: Any, right: Any, floor: float) -> float:
    """Relative difference of two values; infinite if they are unequal and not both finite numbers."""
    if left == right or (left != left and right != right):
        return 0.0
    if isinstance(left, str) and isinstance(right, str) and DIGEST.fullmatch(left) and DIGEST.fullmatch(right):
        return 0.0  # of a file that is compared itself
    a, b = _number(left), _number(right)
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    gap = abs(a - b)
    return 0.0 if gap <= floor else gap / max(abs(a), abs(b))
