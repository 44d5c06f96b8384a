"""Recognising what an instrument exports: a row per instant or cycle, from which no study can be made directly."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.data.export_words import find_kind

# formats of cyclers' own programs: BioLogic, Neware, Arbin, Maccor, Basytec
OWN_FORMATS = (".mpr", ".mpt", ".nda", ".ndax", ".res", ".mps", ".bts")
LEAST_ROWS, LEAST_SMOOTH = 5, 20  # the second where no column counts or times the rows
MOST_UNKNOWN = 0.4  # share of columns that no cycler writes
MOST_RESETS = 0.35  # share of rows where a count begins again, as the time of a step
CLOCK = re.compile(r"(?:(\d+)[d\-\s]+)?(\d+):(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
EXAMPLE = "first_capacity_mAh_g, first_efficiency_pct, retention_after_100_cycles_pct"
PER_CELL = (
    "make a table with one row per cell, its design variables (as binder_pct) and one column for each outcome (as {}), "
    "and start the study from that"
)


@dataclass(frozen=True)
class _Kind:
    """What a table may be, other than one of samples.

    Attributes:
        name: in words.
        rows: what its rows are.
        outcomes: columns that a table of samples would have instead.
        test: returns the headers by which it is known; none if it is something else.
    """

    name: str
    rows: str
    outcomes: str
    test: Callable[[Mapping[str, list[str]], pd.DataFrame], list[str]]


def describe_export(path: str | Path, frame: pd.DataFrame) -> str:
    """Say that a file is the export of an instrument, and what to do; nothing where it is not.

    Args:
        path: the file.
        frame: its cells, under its headers.
    """
    suffix = Path(path).suffix.lower()
    if suffix in OWN_FORMATS:
        return _format_advice(path, f"a cycler's export, by its ending {suffix}", KINDS[0])
    if len(frame) < LEAST_ROWS:
        return ""
    kinds: dict[str, list[str]] = {}
    for header in map(str, frame.columns):
        kinds.setdefault(find_kind(header), []).append(header)
    for kind in KINDS:
        if found := kind.test(kinds, frame):
            return _format_advice(path, f"{kind.name}, by its columns {', '.join(found)}", kind)
    return ""


def _format_advice(path: str | Path, what: str, kind: _Kind) -> str:
    """Return the message of one kind."""
    advice = PER_CELL.format(kind.outcomes)
    return f"{path}: this looks like {what}: {kind.rows}. Such files are not read yet; {advice}"


def _find_cycler(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> list[str]:
    """Return the headers by which a table is known as a course of voltage and current over time."""
    voltage, current, charge, time, count = (
        kinds.get(name, []) for name in ("voltage", "current", "charge", "time", "count")
    )
    flow = current or charge
    if not voltage or not flow or not (time or count) or _has_samples(kinds, frame):
        return []
    found = list(dict.fromkeys([*count[:1], *time[:1], voltage[0], flow[0]]))
    ordered = [header for header in (*time, *count) if _is_running(frame[header])]
    if not ordered:
        return []
    # a time alone may be a factor, by which a table of samples is sorted
    counts_too = bool(count) or len(time) > 1
    is_course = any(_is_rising(frame[header]) for header in time) and _is_smooth(frame[voltage[0]])
    return found if counts_too or is_course else []


def _find_sweep(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> list[str]:
    """Return the headers by which a table is known as a voltammogram or another sweep."""
    both = [*kinds.get("voltage", []), *kinds.get("current", [])]
    is_whole = len(both) == frame.shape[1] == 2 and len(kinds.get("voltage", [])) == 1
    return both if is_whole and len(frame) >= LEAST_SMOOTH and all(_is_smooth(frame[header]) for header in both) else []


def _find_impedance(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> list[str]:
    """Return the headers by which a table is known as an impedance spectrum."""
    frequency, parts = kinds.get("frequency", []), kinds.get("impedance", [])
    if len(frequency) != 1 or len(parts) < 2:
        return []
    numbers = _read_column(frame[frequency[0]])
    steps = np.diff(numbers[np.isfinite(numbers)])
    # spectra of several states follow each other
    rises, falls = (float(np.mean(sign * steps > 0)) if len(steps) else 0.0 for sign in (1, -1))
    return [*frequency, *parts[:2]] if max(rises, falls) >= 1 - MOST_RESETS else []


def _find_pattern(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> list[str]:
    """Return the headers by which a table is known as a diffraction pattern."""
    angle, intensity = kinds.get("angle", []), kinds.get("intensity", [])
    is_pattern = len(angle) == 1 and intensity and len(frame) >= LEAST_SMOOTH and _is_rising(frame[angle[0]])
    return [*angle, *intensity[:1]] if is_pattern else []


def _find_cycles(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> list[str]:
    """Return the headers by which a table is known as results by cycle."""
    cycles = [header for header in kinds.get("count", []) if "cyc" in header.lower() or _is_all_cycle(header)]
    results = [*kinds.get("charge", []), *kinds.get("efficiency", [])]
    if not cycles or not results:
        return []
    numbers = _read_column(frame[cycles[0]])
    names = [header for header in kinds.get("sample", []) if frame[header].astype(str).nunique() < len(frame)]
    others = [header for header in kinds.get("", []) if frame[header].astype(str).nunique() > 1]
    if others or len(names) < len(kinds.get("sample", [])) or not np.isfinite(numbers).all():
        return []
    steps = np.diff(numbers)
    restarts = steps <= 0
    # the cycles of several cells follow each other
    if numbers[0] not in (0, 1, 2, 3) or np.any(numbers[1:][restarts] > 3):
        return []
    is_counted = restarts.mean() <= MOST_RESETS and np.median(steps[~restarts]) in (1, 2, 5, 10, 20, 25, 50, 100)
    return [cycles[0], *results[:2]] if is_counted and (names or not restarts.any()) else []


KINDS = (
    _Kind("a cycler's export", "a row per instant", EXAMPLE, _find_cycler),
    _Kind("an impedance spectrum", "a row per frequency", "resistance_ohm, conductivity_mS_cm", _find_impedance),
    _Kind("a diffraction pattern", "a row per angle", "lattice_parameter_A, crystallite_nm", _find_pattern),
    _Kind("a table of cycles", "a row per cycle, not per cell", EXAMPLE, _find_cycles),
    _Kind("a sweep of the potential", "a row per instant", "peak_current_mA, onset_V", _find_sweep),
)


def _is_all_cycle(header: str) -> bool:
    """Return whether a header in another language counts cycles."""
    return any(
        word in header.lower() for word in ("zykl", "cicl", "cykl", "цикл", "循环", "循環", "サイクル", "사이클")
    )


def _has_samples(kinds: Mapping[str, list[str]], frame: pd.DataFrame) -> bool:
    """Return whether a table has names of samples, or many columns that no cycler writes."""
    names = (frame[header].astype(str) for header in kinds.get("sample", []))
    if any(cells.nunique() > len(frame) / 2 for cells in names):
        return True
    others = [*kinds.get("", []), *kinds.get("efficiency", [])]
    varied = [header for header in others if frame[header].astype(str).nunique() > 1]
    words = [frame[header].astype(str) for header in varied if not np.isfinite(_read_column(frame[header])).any()]
    is_named = any(cells.nunique() == len(frame) for cells in words)
    return is_named or len(varied) > MOST_UNKNOWN * frame.shape[1]


def _read_column(cells: pd.Series) -> Array:
    """Return cells as numbers, times of the form h:min:s in seconds, NaN where they are neither."""
    if cells.dtype.kind in "iufb":
        return cells.to_numpy(float)
    return np.array([_read_cell(str(cell).strip()) for cell in cells])


def _read_cell(cell: str) -> float:
    """Return a cell as a number, NaN where it is none."""
    if clock := CLOCK.fullmatch(cell):
        days, hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in clock.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return np.nan


def _is_running(cells: pd.Series) -> bool:
    """Return whether numbers never fall, but for a count that restarts; neither are all of them equal."""
    numbers = _read_column(cells)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) < LEAST_ROWS:
        return False
    steps = np.diff(numbers)
    resets = steps < 0
    # what restarts begins at the bottom; levels of a factor fall to any
    low = numbers.min() + 0.1 * float(np.ptp(numbers))
    return bool(
        (steps > 0).any() and resets.mean() <= MOST_RESETS / 2 and np.all(numbers[1:][resets] <= max(low, numbers[0]))
    )


def _is_rising(cells: pd.Series) -> bool:
    """Return whether each number is above the one before."""
    numbers = _read_column(cells)
    return bool(np.isfinite(numbers).all() and len(numbers) >= LEAST_ROWS and (np.diff(numbers) > 0).all())


def _is_smooth(cells: pd.Series) -> bool:
    """Return whether most steps between neighbours are small beside the range."""
    numbers = _read_column(cells)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) < LEAST_ROWS or not np.ptp(numbers):
        return False
    steps = np.abs(np.diff(numbers))
    turns = np.mean([a * b < 0 for a, b in pairwise(np.diff(numbers))])
    return bool(np.median(steps) <= 0.3 * np.ptp(numbers) and turns <= 0.34)
