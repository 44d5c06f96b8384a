"""The chapter's claims, the numbers that they are compared with, and the verdict on each."""

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from batterymi.data.headers import strip_units
from batterymi.data.input_files import read_content, refuse_changes
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json
from batterymi.reporting.study_results import list_entries
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.unit_table import UNITS

REPRODUCED, CONTRADICTED, UNTESTABLE = "reproduced", "contradicted", "not testable"
ROUNDING = 1e-12  # of a difference that should be exactly the tolerance
RUN = "results"  # in pointers, what belongs to the run and not to a study
RUN_FILES = ("cell_facts.json", "conductivities.csv", "conductivities.json")
COLUMNS = (
    *("id", "study", "section", "stated_in", "quantity", "value"),
    *("unit", "measured", "on_data", "tolerance", "reason"),
)


TRANSFORMS: dict[str, Callable[[float], float]] = {
    "pow10": lambda value: 10.0**value,
    "percent": lambda value: 100.0 * value,
    # from Wh/kg
    "wh_per_g": lambda value: value / 1000.0,
}
CHECKED = {  # columns of the table of claims, and those of claims.csv
    **{name: name for name in ("id", "study", "section", "stated_in", "quantity")},
    "value": "claimed",
    "unit": "unit",
    "found": "measured",
    "tolerance": "tolerance",
    "verdict": "verdict",
    "found_on_data": "measured_on_data",
    **{name: name for name in ("verdict_on_data", "reason", "source", "source_on_data")},
}
UNMEASURED: dict[str, Any] = {"found": None, "source": "", "verdict": UNTESTABLE, "missing": ""}


def read_claims(path: str | os.PathLike[str], digests: Mapping[str, str] = MappingProxyType({})) -> pd.DataFrame:
    """Read the table of claims and check it.

    Args:
        path: the CSV file.
        digests: of files when the run began; this one must be the same still.

    Raises:
        TableError: if it cannot be read; for a missing column, a repeated id, an unknown unit, a value that is not a
            number.
    """
    # read as text, so that a malformed cell is reported with its line
    content = read_content(str(path), "claims")
    refuse_changes({str(path): content.sha256}, digests)
    frame = pd.read_csv(io.BytesIO(content.data), dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise TableError(f"{path}: the header lacks {', '.join(missing)}")
    # line 1 is the header
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if problem := _find_problem(row):
            raise TableError(f"{path}: line {line}: {problem}")
    if frame["id"].duplicated().any():
        repeated = frame.loc[frame["id"].duplicated(), "id"].iloc[0]
        raise TableError(f"{path}: two claims have the id '{repeated}'; give each its own")
    tolerance = pd.to_numeric(frame["tolerance"], errors="coerce")
    return frame.assign(value=frame["value"].astype(float), tolerance=tolerance)


def _find_problem(row: Mapping[Any, str]) -> str | None:
    """Return what is wrong with a line of the table of claims, or None."""
    if row["unit"] not in UNITS:
        return f"unit: '{row['unit']}' is not a unit; {did_you_mean(row['unit'], UNITS)}"
    for column in ("value", "tolerance"):
        if row[column] or column == "value":
            try:
                float(row[column])
            except ValueError:
                return f"{column}: '{row[column]}' is not a number"
    if bool(row["measured"] or row["on_data"]) != bool(row["tolerance"]):
        return "tolerance: give one where 'measured' or 'on_data' has a pointer, and nowhere else"
    return None


def compare_with_claim(measured: float | None, claimed: float, tolerance: float) -> str:
    """Return the verdict on a claim, given what was measured (None where nothing was)."""
    if measured is None:
        return UNTESTABLE
    return REPRODUCED if abs(measured - claimed) <= tolerance + ROUNDING else CONTRADICTED


def count_verdicts(claims: pd.DataFrame) -> str:
    """Return how many claims have which verdict, in words."""
    counts = claims["verdict"].value_counts()
    return ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in (REPRODUCED, CONTRADICTED, UNTESTABLE))


class Measurements:
    """The numbers of studies that pointers of claims lead to; each file is read once."""

    def __init__(self, folders: Mapping[str, Path], files: Mapping[str, Path] = MappingProxyType({})) -> None:
        """Take the folder of results of each study that ran, and files that belong to none, by name."""
        self.folders, self.files = folders, files
        self._contents: dict[Path, Any] = {}

    def find_number(self, study: str, pointer: str, where: str) -> float | None:
        """Return one number of a study's results.

        Args:
            study: its name.
            pointer: `file.json#key.0.key`, or `file.csv#column=value,column=value:column` (Parquet alike).
            where: what messages call the pointer.

        Returns:
            The number; None if the place is empty or no row matches, as when a run compares fewer models.

        Raises:
            TableError: if the pointer leads nowhere.
        """
        file, _, inside = pointer.partition("#")
        of_studies = sorted(entry.path for entry in list_entries() if "claims" in entry.readers)
        known = RUN_FILES if study == RUN else of_studies
        if file not in known:
            raise TableError(f"{where}: claims are not compared with '{file}'; {did_you_mean(file, known)}")
        if study == RUN and file not in self.files:  # as conductivities, which need data sets
            return None
        path = self.files[file] if study == RUN else self.folders[study] / file
        if not path.is_file():
            raise TableError(f"{where}: there is no {path}")
        follow = _follow_keys if path.suffix == ".json" else _select_cell
        try:
            value = follow(self._read_file(path), inside)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise TableError(f"{where}: '{pointer}' leads nowhere: {error}") from None
        return None if value is None or pd.isna(value) else float(value)

    def name_source(self, study: str, place: str) -> str:
        """Return file and place of a number as the table of claims names them."""
        file, _, inside = place.partition("#")
        path = self.files[file] if study == RUN else self.folders[study] / file
        return f"{path.as_posix()}#{inside}"

    def _read_file(self, path: Path) -> Any:
        """Return the content of a file."""
        if path not in self._contents:
            self._contents[path] = read_json(path) if path.suffix == ".json" else strip_units(read_frame(path))
        return self._contents[path]


def _follow_keys(value: Any, keys: str) -> Any:
    """Return what keys and positions, parted by dots, lead to; None where the way ends early."""
    for key in keys.split("."):
        if value is None:
            return None
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _select_cell(frame: pd.DataFrame, pointer: str) -> Any:
    """Return the cell of the one row that meets all conditions; None if no row does."""
    conditions, _, column = pointer.rpartition(":")
    for condition in conditions.split(","):
        key, _, wanted = condition.partition("=")
        # compared as text, since a pointer has no types
        frame = frame[frame[key].astype(str) == wanted]
    # an ambiguous pointer must not take the first of several rows
    if len(frame) > 1:
        raise KeyError(f"{len(frame)} rows match")
    return None if frame.empty else frame[column].iloc[0]


def check_claims(
    claims: pd.DataFrame,
    folders: Mapping[str, Path],
    path: str | os.PathLike[str],
    files: Mapping[str, Path] = MappingProxyType({}),
) -> pd.DataFrame:
    """Compare every claim with what studies measured.

    Args:
        claims: as `read_claims` returns them.
        folders: the folder of results of each study that ran.
        path: the file of the claims, for messages.
        files: results that belong to no study, by name.

    Returns:
        The columns of claims.csv: one row for each claim.

    Raises:
        TableError: if a pointer leads nowhere.
    """
    measurements = Measurements(folders, files)
    rows = [
        _check_row({str(key): value for key, value in row.items()}, measurements, f"{path}: {row['id']}")
        for row in claims.to_dict("records")
    ]
    return pd.DataFrame(rows)[list(CHECKED)].rename(columns=CHECKED)


def _check_row(claim: dict[str, Any], measurements: Measurements, where: str) -> dict[str, Any]:
    """Return a claim with both comparisons: with its own study, and with the study on real data."""
    own, data = (_check_claim(claim, measurements, key, where) for key in ("measured", "on_data"))
    if claim["study"] not in measurements.folders:
        own = UNMEASURED | {"missing": "the study was not run"}
    if own["missing"]:
        own["reason"] = f"{own['missing']}; {claim['reason']}"
    if data["found"] is None:
        data |= {"source": "", "verdict": ""}
    return claim | own | {f"{key}_on_data": data[key] for key in ("found", "source", "verdict")}


def _check_claim(claim: Mapping[str, Any], measurements: Measurements, key: str, where: str) -> dict[str, Any]:
    """Compare a claim with the number that the pointer in one of its columns leads to.

    Returns:
        `found` (None if nothing measures it), `source`, `verdict`, and why a number is `missing` from this run.
    """
    pointer = claim[key]
    place, _, transform = pointer.partition(" |")
    study, place = claim["study"], place.strip()
    # `@study/` points to the results of another study
    if place.startswith("@"):
        study, _, place = place[1:].partition("/")
    if not pointer or study not in (*measurements.folders, RUN):
        return UNMEASURED | {"source": pointer}
    value = measurements.find_number(study, place, f"{where}: {key}")
    if value is None:
        return UNMEASURED | {"source": pointer, "missing": "not in this run"}
    if transform:
        value = TRANSFORMS[transform.strip()](value)
    return UNMEASURED | {
        "found": value,
        "source": measurements.name_source(study, place),
        "verdict": compare_with_claim(value, claim["value"], claim["tolerance"]),
    }
