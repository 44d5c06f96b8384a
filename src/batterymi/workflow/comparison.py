"""Whether two folders of results agree: files byte by byte, and numbers within a tolerance where bytes differ."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from batterymi.files import compute_sha256, read_json

if TYPE_CHECKING:
    import pandas as pd

RELATIVE = 1e-4  # kernels of older processors change results by 2e-5, docs/results/2026-11-26-faults-and-processors.md
ROUNDING = 1e-9  # of the largest number of a column or list; what is smaller is rounding about zero there
NUMBERS = (".csv", ".json", ".parquet")  # compared by value where bytes differ; all else is drawn from these
UNEVEN = "traces.parquet"  # charges at the points in time that a solver chose, whose number may differ
DIGEST = re.compile(r"[0-9a-f]{64}")


class Difference(NamedTuple):
    """The largest relative difference of two files, infinite where more than numbers differs, and where it is."""

    size: float
    place: str


@dataclass
class Comparison:
    """Two sets of results, compared file by file.

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
        """Return whether nothing is missing or differs beyond the tolerance."""
        return not self.different and not self.missing

    def describe(self) -> list[str]:
        """Return a line for each kind of agreement, and for each file that does not agree."""
        lines = [f"{len(self.same)} files have the same bytes"]
        if self.close:
            worst = max(self.close, key=lambda name: self.close[name])
            most = f"the largest difference is {self.close[worst]:.1g}, in {worst}"
            lines.append(f"{len(self.close)} agree within {RELATIVE:g}; {most}")
        if self.drawn:
            names = ", ".join(self.drawn[:5])
            lines.append(f"{len(self.drawn)} are drawn or printed from numbers that agree within it: {names}")
        lines += [f"{name}: differs: {place}" for name, place in sorted(self.different.items())]
        lines += [f"{name}: only one side has it" for name in sorted(self.missing)]
        return lines


def compare_results(ours: Path, theirs: Path, names: Iterable[str], their_names: Iterable[str]) -> Comparison:
    """Compare two folders of results file by file.

    Files of numbers whose bytes differ are compared number by number, relative difference at most `RELATIVE`. Models,
    figures and pages must have the same bytes unless a number of their study differs, and count as drawn where their
    study's numbers agree; pages of all studies likewise, by all numbers.

    Args:
        ours: one folder.
        theirs: the other.
        names: files of the first, relative to it.
        their_names: files of the second.
    """
    found = Comparison(missing=sorted(set(names) ^ set(their_names)))
    unequal: list[str] = []
    for name in sorted(set(names) & set(their_names)):
        (found.same if compute_sha256(ours / name) == compute_sha256(theirs / name) else unequal).append(name)
    for name in filter(_has_numbers, unequal):
        difference = _compare_files(ours / name, theirs / name)
        if difference.size <= RELATIVE:
            found.close[name] = difference.size
        else:
            found.different[name] = difference.place
    _compare_drawings(found, [name for name in unequal if not _has_numbers(name)])
    return found


def _compare_drawings(found: Comparison, names: Iterable[str]) -> None:
    """Sort files for people whose bytes differ by whether the numbers differ that they are made from."""
    differing = {Path(name).parts[0] for name in found.different}
    moved = differing | {Path(name).parts[0] for name, size in found.close.items() if size > 0}
    for name in names:
        study, *below = Path(name).parts
        if not (study in moved if below else moved):
            found.different[name] = "its bytes, though it is made from numbers that are the same"
        elif study in differing if below else differing:
            found.different[name] = "its bytes"
        else:
            found.drawn.append(name)


def _has_numbers(name: str) -> bool:
    """Return whether a file is compared number by number."""
    return Path(name).suffix in NUMBERS and Path(name).name != UNEVEN


def _compare_files(ours: Path, theirs: Path) -> Difference:
    """Return the largest difference of two files of numbers."""
    if ours.suffix == ".json":
        return _compare_values(read_json(ours), read_json(theirs), "")
    return _compare_tables(_read_table(ours), _read_table(theirs))


def _read_table(path: Path) -> "pd.DataFrame":
    """Return a table, the cells of a CSV file as they are written."""
    import pandas as pd

    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str, keep_default_na=False)


def _compare_tables(left: "pd.DataFrame", right: "pd.DataFrame") -> Difference:
    """Return the largest difference of two tables."""
    if list(left.columns) != list(right.columns) or len(left) != len(right):
        return Difference(math.inf, "its columns or its number of rows")
    cells = (cell for column in left for cell in _compare_columns(str(column), left[column], right[column]))
    return max(cells, key=lambda cell: cell.size, default=Difference(0.0, ""))


def _compare_columns(name: str, left: "pd.Series", right: "pd.Series") -> Iterator[Difference]:
    """Yield the difference of each pair of cells."""
    floor = _find_floor(left.tolist())
    for row, (ours, theirs) in enumerate(zip(left.tolist(), right.tolist(), strict=True), start=1):
        yield Difference(_measure_gap(ours, theirs, floor), f"row {row}, {name}: {ours} and {theirs}")


def _compare_values(left: Any, right: Any, place: str, floor: float = 0.0) -> Difference:
    """Return the largest difference of two JSON contents."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return Difference(math.inf, f"{place}: its keys")
        # values of different keys are unrelated, so they share no scale
        pairs = [(left[key], right[key], f"{place}.{key}".lstrip("."), 0.0) for key in left]
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return Difference(math.inf, f"{place}: its length")
        low = _find_floor(left)
        pairs = [(a, b, f"{place}[{number}]", low) for number, (a, b) in enumerate(zip(left, right, strict=True))]
    else:
        return Difference(_measure_gap(left, right, floor), f"{place}: {left} and {right}")
    found = (_compare_values(*pair) for pair in pairs)
    return max(found, key=lambda difference: difference.size, default=Difference(0.0, ""))


def _find_floor(values: Iterable[Any]) -> float:
    """Return what counts as zero among values that belong together."""
    return ROUNDING * max((abs(number) for number in map(_to_number, values) if math.isfinite(number)), default=0.0)


def _to_number(value: Any) -> float:
    """Return a value as a number, NaN if it is not one."""
    try:
        # True and False are not 1 and 0 here: they must be equal, not close
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _measure_gap(left: Any, right: Any, floor: float) -> float:
    """Return the relative difference of two values; infinite if they are unequal and not both finite numbers."""
    # NaN is not equal to itself, but two NaN agree
    if left == right or (left != left and right != right):
        return 0.0
    if isinstance(left, str) and isinstance(right, str) and DIGEST.fullmatch(left) and DIGEST.fullmatch(right):
        return 0.0  # of a file that is itself compared
    a, b = _to_number(left), _to_number(right)
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    gap = abs(a - b)
    # relative to the larger one, so that the order of the two sides does not matter
    return 0.0 if gap <= floor else gap / max(abs(a), abs(b))
