"""Cells that are filled in: the one cell is read as it was meant, and every other byte of the file stays."""

import csv
import io
from itertools import takewhile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.data.append_rows import prepare_append
from batterymi.data.read_table import parse_table
from batterymi.errors import TableError

LONGEST = 14  # of a cell below as it is written, with its quotation marks
CELLS = st.text("ab1 .;,\"'é\n", max_size=5)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that each example writes."""
    return tmp_path_factory.mktemp("fill") / "t.csv"


def count_common(first: bytes, second: bytes) -> int:
    """Return how many bytes at the beginning are the same."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n"]),
    place=st.tuples(st.integers(0, 10), st.integers(0, 2)),
    cell=st.sampled_from(["pending", "a,b;c", '3 "x"', "=1+1"]),
)
@settings(max_examples=80)
def test_one_cell_changes_or_the_table_is_refused(
    table: Path, rows: list[list[str]], delimiter: str, end: str, place: tuple[int, int], cell: str
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    writer.writerows([["first", "second", "third"], *rows])
    data = stream.getvalue().encode()
    table.write_bytes(data)
    try:
        before = parse_table(data, table).frame
        line, header = int(before.index[place[0] % len(before)]), str(before.columns[place[1]])
        new = prepare_append(table, before.iloc[:0], data, filled={line: {header: cell}})
    except TableError:
        return
    expected = before.copy()
    expected.loc[line, header] = cell
    assert parse_table(new, table).frame.to_numpy().tolist() == expected.to_numpy().tolist()
    start = count_common(data, new)
    after = count_common(data[start:][::-1], new[start:][::-1])
    assert len(data) - start - after <= LONGEST


def test_rows_are_filled_in_and_appended_in_one_step(table: Path) -> None:
    data = b'note;a;b\r\n"x;y";1,5;pending\r\n;2;3\r\n'
    table.write_bytes(data)
    rows = pd.DataFrame([["new", 4.25, "pending"]], columns=["note", "a", "b"])
    new = prepare_append(table, rows, data, filled={2: {"b": 2.75}})
    assert new == b'note;a;b\r\n"x;y";1,5;2,75\r\n;2;3\r\nnew;4,25;pending\r\n'


def test_a_row_over_several_lines_is_left_to_its_user(table: Path) -> None:
    data = b'a,b,note\n1,pending,"x\ny"\n2,3,\n'
    table.write_bytes(data)
    with pytest.raises(TableError, match="line 2: the row cannot be taken apart into its cells; write"):
        prepare_append(table, pd.DataFrame(columns=["a", "b", "note"]), data, filled={2: {"b": 2.75}})
