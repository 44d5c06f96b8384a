"""What people open elsewhere: cells that a spreadsheet would run, and titles that a browser would."""

import csv
import re
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timing import seconds_of

from batterymi.csv_safety import escape_cell, unescape_cell
from batterymi.data.read_table import read_table
from batterymi.files import read_frame, write_csv
from batterymi.text_safety import make_visible

RISKY = (
    "=1+1",
    "+A1",
    "-A1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "＝1",
)
HARMLESS = (
    "-0.31 [-0.5, 0.2]",
    "-1.5",
    "+3",
    "-",
    "a=b",
    "NaFe-O2",
    "'quoted'",
    "",
    "-1e-05",
    "2 = 2",
    "+5 %",
    "-1; -2;+3\t-4",
    "wet; -Fe; a;b",
)


@pytest.mark.parametrize("text", RISKY)
def test_no_cell_of_an_export_begins_as_a_formula_does(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"x": [-1.5, 2.0], "why": [text, "plain"], text: ["b", "'" + text]})
    write_csv(path, frame)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 3
    assert not [
        cell
        for row in rows
        for cell in row
        if (cell and cell[0] in "=@\t\r\n＝") or cell.startswith(("+A", "-A", "-2+3"))
    ]
    assert rows[1][0] == "-1.5", "numbers stay numbers"
    visible = frame.map(lambda cell: make_visible(cell) if isinstance(cell, str) else cell).rename(columns=make_visible)
    pd.testing.assert_frame_equal(read_frame(path), visible)


def test_texts_that_no_spreadsheet_runs_stay_as_they_are(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": HARMLESS}))
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        assert tuple(row[0] if row else "" for row in list(csv.reader(stream))[1:]) == HARMLESS


@given(st.text(alphabet="'=+-@\t\r\n＝ab1 .[]%e,;\"", max_size=10))
def test_guarding_a_cell_is_undone_exactly(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == make_visible(text)
    assert escape_cell(text)[:1] not in ("=", "@", "\t", "\r", "\n", "＝")
    assert not re.search(r"""[;\t\r\n][" ]*[=@＝]""", escape_cell(text))


SEPARATED = (
    "a;=1+1",
    "a\t@SUM(A1)",
    "a;+A1",
    "a;-A1;b",
    "a\n=1+1",
    "-5;=1+1",
    'a;"=1+1;',
    "a;\"'=1+1",
    "a; =1+1",
    "a;'-A1",
)


@pytest.mark.parametrize("text", SEPARATED)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_that_splits_elsewhere_finds_no_formula_either(text: str, separator: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"x": [1.5], "why": [text], "z": ["b"]})
    write_csv(path, frame)
    with path.open(newline="", encoding="utf-8") as stream:
        cells = [cell.strip('" ') for row in csv.reader(stream, delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+A", "-A"))]
    pd.testing.assert_frame_equal(read_frame(path), frame)


@pytest.mark.parametrize(
    "text", ["+" + "1" * 200_000 + "x", "-" + "1e" * 100_000 + "x", "-1;" * 60_000 + "=", "'" * 200_000]
)
def test_a_long_cell_takes_time_by_its_length(text: str) -> None:
    started = time.process_time()
    assert unescape_cell(escape_cell(text)) == text
    assert time.process_time() - started < seconds_of(1)


def test_a_suggestion_pasted_into_a_table_is_the_category_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, pd.DataFrame({"=T (K)": [300.0], "site": ["@edge"], "y": ["pending"]}))
    cells = read_table(path).frame
    assert cells.columns.tolist() == ["=T (K)", "site", "y"]
    assert cells["site"].tolist() == ["@edge"]
