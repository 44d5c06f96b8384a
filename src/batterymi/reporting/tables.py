"""The summaries of all studies as one table: for machines, for pages, and for a terminal."""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.errors import DamagedFileError
from batterymi.files import read_json
from batterymi.reporting.gain import format_interval
from batterymi.reporting.pages import TextTable
from batterymi.vocabulary.targets import DECLARED_POOL_SHARE, DECLARED_RANGE_SHARE
from batterymi.vocabulary.units import format_unit

Summary = Mapping[str, Mapping[str, Any]]  # by column: `value` and `source`
CLAIMED_REMARK = "As claimed there (section 4.6); claims.csv compares the numbers with ours."
REMARK = (
    "Measured by this pipeline. Q² is R² on held-out rows; intervals are 95 %. Evaluations are counted after the start "
    "that engine and random search share, to fixed targets: the best rows of a pool, shares of the attainable range of "
    "a search. Those saved are to one target, the same for all studies: the first row of the best "
    f"{DECLARED_POOL_SHARE:.0%}, or {DECLARED_RANGE_SHARE:.0%} of the range. Campaigns that never reach it are "
    "censored, and the number is then a bound. Experiment reduction is the share saved on the way there. The final "
    "score gained is at the end of the budget, in units of the objective's scale."
)
# texts of a number with its interval: columns of the number and of its ends, digits
INTERVALS: dict[str, tuple[str, str, int]] = {
    "score_text": ("q2", "q2_{}_95", 2),
    "final_text": ("final_gain", "final_gain_{}", 2),
}
# the same of numbers that may be bounds, whose open ends are missing
BOUNDS: dict[str, tuple[str, str, int]] = {
    "gain_text": ("evaluations_saved", "evaluations_saved_{}", 1),
    "reduction_text": ("experiment_reduction_percent", "experiment_reduction_{}_percent", 0),
}


@cache
def read_headings(name: str) -> list[tuple[str, str]]:
    """Return one list of headings, each with the column of summary.csv behind it."""
    with Path(__file__).with_name("headings.csv").open(encoding="utf-8", newline="") as table:
        return [(row["heading"], row["column"]) for row in csv.DictReader(table) if row["list"] == name]


def read_summary(path: Path) -> Summary:
    """Read the summary of a study, each cell with its value and its source."""
    cells = read_json(path, needs=["title", "edition", "best_model", "verdict", "gain_over_random"])
    for key, cell in cells.items():
        # valid JSON may still be another file in its place
        if not isinstance(cell, dict) or not {"value", "source"} <= set(cell):
            raise DamagedFileError(path, f"not the file that belongs there: '{key}' has no value and source")
    return cells


def join_summaries(summaries: Sequence[Summary]) -> pd.DataFrame:
    """Return one row per study: every value, and numbers with their intervals as texts."""
    values = [{key: _flatten_value(cell["value"]) for key, cell in summary.items()} for summary in summaries]
    frame = pd.DataFrame(values)
    rows = _list_rows(frame)
    texts = {
        name: [
            _format_interval(row, (middle, ends.format("lower"), ends.format("upper")), digits, name in BOUNDS)
            for row in rows
        ]
        for name, (middle, ends, digits) in (INTERVALS | BOUNDS).items()
    }
    return frame.assign(**texts, mae_text=[_format_mae(row) for row in rows])


def make_tables(frame: pd.DataFrame, sources: Mapping[str, str]) -> list[TextTable]:
    """Return the tables of the summary's page.

    Args:
        frame: one row per study.
        sources: the file of each column.
    """
    notes = [
        [str(row["title"]), heading, format_cell(text)]
        for row in _list_rows(frame)
        for heading, column in read_headings("notes")
        if (text := row.get(column)) and not pd.isna(text)
    ]
    return [
        _select_columns(frame, "Summary", REMARK, read_headings("summary")),
        TextTable("Findings", "", ("Study", "Note", "Finding"), notes),
        _select_columns(
            frame, "The chapter's own table", CLAIMED_REMARK, (("Study", "title"), *read_headings("claimed"))
        ),
        TextTable(
            "The file of each number", "", ("Column of summary.csv", "File"), [list(pair) for pair in sources.items()]
        ),
    ]


def collect_sources(summaries: Mapping[Path, Summary]) -> dict[str, str]:
    """Return the file of each column, with `{study}` for the folder of a study.

    Args:
        summaries: by their file, in the study's folder.
    """
    found: dict[str, str] = {}
    for path, cells in summaries.items():
        for key, cell in cells.items():
            if cell["source"]:
                source = Path(cell["source"].partition("#")[0])
                inside = source.is_relative_to(path.parent)
                general = path.parent.with_name("{study}") / source.relative_to(path.parent) if inside else source
                found.setdefault(key, str(general))
    return found


def format_for_terminal(frame: pd.DataFrame, width: int = 100) -> str:
    """Return a block of lines for each study."""
    lines = []
    for row in _list_rows(frame):
        row["baselines"] = f"{row['q2_dummy']:.2f}, {row['q2_ridge']:.2f}"
        lines += ["", f"{row['title']} ({row['edition']} edition, {row['rows']} rows, {row['rows_are']})"]
        shown = [(heading, row[column]) for heading, column in read_headings("terminal") if column in row]
        for heading, value in shown:
            if value and not pd.isna(value):
                start = f"  {heading:<20}"
                lines.append(textwrap.fill(format_cell(value), width, initial_indent=start, subsequent_indent=" " * 22))
    return "\n".join(lines) + "\n"


def _select_columns(frame: pd.DataFrame, title: str, remark: str, columns: Sequence[tuple[str, str]]) -> TextTable:
    """Return some columns of all studies under their headings."""
    rows = [[format_cell(row.get(column)) for _, column in columns] for row in _list_rows(frame)]
    return TextTable(title, remark, [heading for heading, _ in columns], rows)


def _list_rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table as dictionaries."""
    return frame.to_dict("records")


def _flatten_value(value: Any) -> Any:
    """Return lists and dictionaries as text, for one cell of a CSV file."""
    if isinstance(value, list):
        return " ".join(f"{number:.6g}" if isinstance(number, float) else str(number) for number in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {content}" for key, content in value.items()) or "none"
    return value


def _format_interval(row: Mapping[str, Any], keys: Sequence[str], digits: int, is_bound: bool) -> str:
    """Return a number with its interval; a dash where it is missing, or an end of what is no bound."""
    middle, low, high = (None if (value := row.get(key)) is None or pd.isna(value) else value for key in keys)
    if middle is None or (not is_bound and (low is None or high is None)):
        return "-"
    return format_interval(middle, low, high, digits, row.get("saved_is") if is_bound else None)


def _format_mae(row: Mapping[str, Any]) -> str:
    """Return the mean absolute error with its interval and unit, in three digits."""
    middle, low, high = (f"{float(row[key]):.3g}" for key in ("mae", "mae_lower_95", "mae_upper_95"))
    return f"{middle} [{low}, {high}]{format_unit(row['mae_unit'])}"


def format_cell(value: Any) -> str:
    """Return a cell as text."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
