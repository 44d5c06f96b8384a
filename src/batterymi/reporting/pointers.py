"""The numbers that pointers of claims lead to, each with its interval, its file, and what speaks against using it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.data.headers import strip_units
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json
from batterymi.reporting.objections import find_objection
from batterymi.reporting.other_results import OTHER_RESULTS, RUN
from batterymi.reporting.study_results import list_entries
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.verdicts import DEPENDS_ON_BUDGET

TRANSFORMS: dict[str, Callable[[float], float]] = {
    "pow10": lambda value: 10.0**value,
    "percent": lambda value: 100.0 * value,
    "negative": lambda value: -value,
    # from Wh/kg
    "wh_per_g": lambda value: value / 1000.0,
    # percent saved, from how many times as much something else takes
    "percent_saved": lambda ratio: 100.0 * (1.0 - 1.0 / ratio) if ratio > 0 else -math.inf,
}
MOST, LEAST = "most", "least"  # bounds: the most and the least that is possible
ENDS = (("{}_lower_95", "{}_upper_95"), ("{}_lower", "{}_upper"))
EVERY = "*"  # in a pointer, all items of a list
OWN_ENDS = (("lower", "upper"), ("low", "high"))  # beside a key that is called `value` or `median`


@dataclass(frozen=True)
class Found:
    """A number that a pointer leads to.

    Attributes:
        value: the number.
        interval: lower and upper end of its interval or range, if it has one.
        bound: MOST or LEAST where it only limits what is possible, else empty.
        source: its file, and the place in it.
        place: the study it belongs to, or another folder of results.
        how: how it was found, where its file says so.
        objection: why no verdict may rest on it, or empty.
        depends: whether it says of itself that another budget would give another one.
        is_declared: whether it is the one of several that was declared to count most.
    """

    value: float
    interval: tuple[float, float] | None = None
    bound: str = ""
    source: str = ""
    place: str = ""
    how: str = ""
    objection: str = ""
    depends: bool = False
    is_declared: bool = True


class Measurements:
    """The numbers of studies that pointers of claims lead to; each file is read once."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """Take the folder of results of each study that ran, and of other results that are there."""
        self.folders = folders
        self._contents: dict[Path, Any] = {}

    def follow(self, study: str, pointer: str, where: str) -> list[Found]:
        """Return the numbers that a pointer leads to.

        Args:
            study: whose results it starts from, unless it begins with `@study/`.
            pointer: `file.json#key.0.key`, or `file.csv#column=value,column=value:column` (Parquet alike), then
                transforms, each after a bar. The key `*` stands for all items of a list.
            where: what messages call the pointer.

        Returns:
            One number, or one for each item of a list; none if the study was not run, the place is empty, or no row
            matches, as when a run compares fewer models.

        Raises:
            TableError: if the pointer leads nowhere.
        """
        place, *transforms = (part.strip() for part in pointer.split("|"))
        study = find_study(pointer, study)
        place = place.partition("/")[2] if place.startswith("@") else place
        _check_transforms(transforms, where)
        if study not in self.folders:
            return []
        file, _, inside = place.partition("#")
        folder = self.folders[study]
        rows = self._find_rows(study, file, inside, where)
        known = [(row, key) for row, key in rows if not (row.get(key) is None or pd.isna(row[key]))]
        return [
            Found(
                _transform(float(row[key]), transforms),
                interval=_find_interval(row, key, transforms),
                bound=next((name for name in transforms if name in (MOST, LEAST)), ""),
                source=f"{folder.as_posix()}/{place}",
                place=f"{study}: {row['label']}" if len(rows) > 1 and "label" in row else study,
                how=_describe_origin(row),
                objection=find_objection(lambda path: self._read_file(folder / path), file, inside, row),
                depends=row.get("gain") == DEPENDS_ON_BUDGET,
                is_declared=bool(row.get("is_declared", True)),
            )
            for row, key in known
        ]

    def _find_rows(self, study: str, file: str, inside: str, where: str) -> list[tuple[Mapping[str, Any], str]]:
        """Return what holds each number, a row of a table or an object, and the column or key of the number in it."""
        own = sorted(entry.path for entry in list_entries() if "claims" in entry.readers)
        known = sorted(OTHER_RESULTS.get(study, own))
        if file not in known:
            raise TableError(f"{where}: claims are not compared with '{file}'; {did_you_mean(file, known)}")
        path = self.folders[study] / file
        if not path.is_file() and study == RUN:
            return []  # conductivities need data sets, which a run may not read
        if not path.is_file():
            raise TableError(f"{where}: there is no {path}")
        follow = _follow_keys if path.suffix == ".json" else _select_row
        try:
            return follow(self._read_file(path), inside)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise TableError(f"{where}: '{file}#{inside}' leads nowhere: {error}") from None

    def _read_file(self, path: Path) -> Any:
        """Return the content of a file; None if there is none."""
        if path not in self._contents:
            if not path.is_file():
                return None
            self._contents[path] = read_json(path) if path.suffix == ".json" else strip_units(read_frame(path))
        return self._contents[path]


def find_study(pointer: str, study: str) -> str:
    """Return whose results a pointer starts from: those of a study, unless it begins with the name of another."""
    return pointer[1:].partition("/")[0] if pointer.startswith("@") else study


def _check_transforms(transforms: list[str], where: str) -> None:
    """Refuse a transform that does not exist."""
    known = (*TRANSFORMS, MOST, LEAST)
    for name in transforms:
        if name not in known:
            raise TableError(f"{where}: '{name}' is not a transform; {did_you_mean(name, known)}")


def _follow_keys(value: Any, keys: str) -> list[tuple[Mapping[str, Any], str]]:
    """Return the objects, or lists by positions, that the last key is looked up in; none where the way ends early."""
    *way, last = keys.split(".")
    for place, key in enumerate(way):
        if value is None:
            return []
        if key == EVERY:
            rest = ".".join([*way[place + 1 :], last])
            return [found for item in value for found in _follow_keys(item, rest)]
        value = value[int(key)] if isinstance(value, list) else value[key]
    if value is None:
        return []
    if isinstance(value, list):
        value = {str(position): item for position, item in enumerate(value)}
    if last not in value:
        raise KeyError(last)
    return [(value, last)]


def _select_row(frame: pd.DataFrame, pointer: str) -> list[tuple[Mapping[str, Any], str]]:
    """Return the one row that meets all conditions, or none, and the column."""
    conditions, _, column = pointer.rpartition(":")
    for condition in conditions.split(","):
        key, _, wanted = condition.partition("=")
        # compared as text, since a pointer has no types
        frame = frame[frame[key].astype(str) == wanted]
    # an ambiguous pointer must not take the first of several rows
    if len(frame) > 1:
        raise KeyError(f"{len(frame)} rows match")
    if column not in frame:
        raise KeyError(column)
    return [({str(key): item for key, item in row.items()}, column) for _, row in frame.iterrows()]


def _transform(number: float, transforms: list[str]) -> float:
    """Apply transforms to a number, in order."""
    for name in transforms:
        number = TRANSFORMS[name](number) if name in TRANSFORMS else number
    return number


def _find_interval(row: Mapping[str, Any], key: str, transforms: list[str]) -> tuple[float, float] | None:
    """Return the interval of a number, whose ends stand beside it; None where they are missing.

    An end that is None is open, since censored runs leave it so; an empty cell of a table is a missing one.
    """
    pairs = OWN_ENDS if key in ("value", "median") else [tuple(name.format(key) for name in pair) for pair in ENDS]
    for names in pairs:
        if all(name in row and (row[name] is None or not pd.isna(row[name])) for name in names):
            low, high = (row[name] for name in names)
            ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
            first, second = (_transform(end, transforms) for end in ends)
            return min(first, second), max(first, second)
    return None


def _describe_origin(row: Mapping[str, Any]) -> str:
    """Return how a number was found, and from how many rows, where its file says so."""
    how = row.get("how")
    if row.get("unchecked"):
        n = len(row["unchecked"])
        where = "their sources" if n > 1 else "its source"
        return f"rests on {n} unchecked input{'s' if n > 1 else ''}, not read in {where}"
    if not isinstance(how, str):
        return ""
    return f"{how} ({row['n']} rows)" if "n" in row else how
