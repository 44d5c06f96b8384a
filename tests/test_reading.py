"""Files of tables: encodings, delimiters, lines of names, statistics below, workbooks, Parquet, large ones."""

import io
import zipfile
from datetime import date

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batterymi.config.sources import Reading
from batterymi.data import read_large
from batterymi.data.decode_text import decode_text
from batterymi.data.layout import guess_layout
from batterymi.data.read_table import parse_grid, parse_table
from batterymi.errors import TableError

HEADS = {
    "cp1252": "Gerät,Temperatur (°C),Kapazität (mAh/g)",
    "utf-8": "Gerät,Temperatur (°C),Kapazität (mAh/g)",
    "utf-8-sig": "Probe,σ (S/cm)",
    "utf-16": "試料,焼成温度 (℃)",
    "utf-16-le": "sample,T",
    "shift_jis": "試料,焼成温度 (℃),保持時間,容量",
    "cp1251": "Проба,Температура,Ёмкость",
}


@pytest.mark.parametrize("encoding", HEADS)
def test_encodings_are_found(encoding: str) -> None:
    text = HEADS[encoding] + "\n" + ",".join("1" * (HEADS[encoding].count(",") + 1)) + "\n"
    decoded = decode_text(text.encode(encoding), "x.csv")
    assert decoded.text == text
    assert text.encode(encoding).decode(decoded.encoding).removeprefix("\ufeff") == text


def test_an_encoding_that_was_guessed_is_said_and_settings_decide() -> None:
    data = "Gerät,T\na,1\nb,2\n".encode("cp1252")
    assert "read as cp1252 text" in parse_table(data, "x.csv").notes[0]
    assert not parse_table(data, "x.csv", Reading(encoding="cp1252")).notes
    with pytest.raises(TableError, match="line 1 is not utf-8 text"):
        parse_table(data, "x.csv", Reading(encoding="utf-8"))
    with pytest.raises(TableError, match="there is no encoding 'klingon'"):
        parse_table(data, "x.csv", Reading(encoding="klingon"))


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from([None, "Mean", "Mittelwert", "Std. dev.", "average", "Stabw.", "moyenne", "MAX"]),
    st.booleans(),
)
def test_a_table_is_found_between_what_stands_above_and_below(
    delimiter: str, n_above: int, with_units: bool, label: str | None, declared: bool
) -> None:
    """Metadata, a line of units and statistics, whatever the delimiter."""
    lines = ["sep=" + delimiter] if declared else []
    lines += [f"Machine{delimiter}{place}" for place in range(n_above)]
    lines += [delimiter.join(["T", "time", "rate", "Q"])]
    lines += [delimiter.join(["°C", "h", "-", "mAh/g"])] if with_units else []
    lines += [delimiter.join(map(str, (700 + i, i, i / 4, 150.5 + i))) for i in range(6)]
    lines += ["", delimiter.join([label, "", "", "153.0"])] if label else []
    data = "\n".join(lines).encode()
    grid, _ = parse_grid(data, "x.csv")
    layout = guess_layout(grid)
    raw = parse_table(data, "x.csv", Reading(header_lines=layout.header_lines, leave_out=layout.leave_out))
    assert list(raw.frame.columns) == (
        ["T [°C]", "time [h]", "rate", "Q [mAh/g]"] if with_units else ["T", "time", "rate", "Q"]
    )
    assert raw.frame["time" + " [h]" * with_units].tolist() == [str(i) for i in range(6)]
    assert [entry["found"] for entry in raw.left_out] == ([label] if label else [])
    if n_above or with_units:
        assert f"`table.header_lines: {list(layout.header_lines)}`" in find_hint(data)


def find_hint(data: bytes) -> str:
    """Return what is said of a file that is read as if its first line had the names."""
    try:
        return parse_table(data, "x.csv").hint
    except TableError as error:
        return str(error)


def test_statistics_below_are_refused_until_settings_say_what_they_are() -> None:
    data = b"sample,t,y\na,1,5\nb,2,6\nc,3,7\n\nMean,2,6\n"
    [suspect] = parse_table(data, "x.csv").suspects
    assert (suspect["line"], suspect["found"]) == (6, "Mean")
    assert "list the text in `table.leave_out`" in suspect["reason"]
    assert not parse_table(data, "x.csv", Reading(leave_out=())).suspects
    assert len(parse_table(data, "x.csv", Reading(leave_out=("Mean",))).frame) == 3
    assert not parse_table(b"sample,t\nmax,1\nmin,2\nplain,3\n", "x.csv").suspects, "samples may be called so"


def test_columns_without_a_name_are_named_or_left_out_if_they_are_empty() -> None:
    raw = parse_table(b",a,b,\n0,1,2,\n1,3,4,\n", "x.csv")
    assert list(raw.frame.columns) == ["index", "a", "b"]
    assert raw.notes == ["column 1 has no name and is called 'index' here"]
    assert list(parse_table(b"a,,b\n1,x,2\n3,,4\n", "x.csv").frame.columns) == ["a", "column_2", "b"]


def test_equal_names_are_told_apart_by_a_second_line_or_refused() -> None:
    data = "Q,Q,T\n1st,50th,°C\n1,2,3\n4,5,6\n".encode()
    with pytest.raises(TableError, match=r"the header has the column 'Q' 2 times; .*`table.header_lines: \[1, 2\]`"):
        parse_table(data, "x.csv")
    assert list(parse_table(data, "x.csv", Reading(header_lines=(1, 2))).frame.columns) == ["Q 1st", "Q 50th", "T °C"]
    with pytest.raises(TableError, match="line 9 is empty, or not in the file"):
        parse_table(data, "x.csv", Reading(header_lines=(9,)))


def make_book(*rows: list[object], title: str = "Data") -> openpyxl.Workbook:
    """Return a workbook with one sheet."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


def save_book(book: openpyxl.Workbook) -> bytes:
    """Return a workbook as a file."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_workbook_is_read_as_it_is_seen() -> None:
    book = make_book(
        ["T (°C)", "share", "day", "ok", "Q"],
        [700, 0.91, date(2026, 4, 3), True, 151.25],
        [750, 0.9, None, False, 1e-9],
    )
    for row in (2, 3):
        book.active.cell(row, 2).number_format = "0%"
    raw = parse_table(save_book(book), "x.xlsx")
    assert raw.frame.to_numpy().tolist() == [
        ["700", "91%", "2026-04-03", "True", "151.25"],
        ["750", "90%", "", "False", "1e-09"],
    ]
    assert list(raw.frame.index) == [2, 3]


def test_which_sheet_is_meant_is_asked() -> None:
    book = make_book(["a", "b"], [1, 2], [3, 4], title="One")
    book.create_sheet("Empty")
    assert len(parse_table(save_book(book), "x.xlsx").frame) == 2, "the only one that is not empty"
    book.create_sheet("Two").append(["c", "d"])
    book["Two"].append([5, 6])
    with pytest.raises(TableError, match=r"which sheet is the table\? .*'One' \(3 rows\), 'Empty' \(0 rows\), 'Two'"):
        parse_table(save_book(book), "x.xlsx")
    assert list(parse_table(save_book(book), "x.xlsx", Reading(sheet="Two")).frame.columns) == ["c", "d"]
    with pytest.raises(TableError, match="there is no sheet 'Three'"):
        parse_table(save_book(book), "x.xlsx", Reading(sheet="Three"))


def test_formulas_without_results_merged_cells_and_hidden_rows_are_named() -> None:
    book = make_book(["a", "b"], [1, "=A2*2"], [3, 4])
    with pytest.raises(TableError, match="B2: a formula without a stored result"):
        parse_table(save_book(book), "x.xlsx")
    book = make_book(["a", "b"], ["x", 1], [None, 2], ["y", 3])
    book.active.merge_cells("A2:A3")
    book.active.row_dimensions[4].hidden = True
    notes = " | ".join(parse_table(save_book(book), "x.xlsx").notes)
    assert "merged cells A2:A3" in notes
    assert "hidden rows are read too: 4" in notes


@pytest.mark.parametrize("suffix", [".xlsx", ".ods", ".xls", ".parquet"])
def test_files_that_are_something_else_are_refused_in_words(suffix: str) -> None:
    for data in (b"", b"a,b\n1,2\n", b"PK\x03\x04" + b"\0" * 50, bytes(range(256))):
        with pytest.raises(TableError, match=r"that can be read|which sheet|empty"):
            parse_table(data, f"x{suffix}")


def test_a_parquet_file_keeps_its_numbers_and_its_index() -> None:
    frame = pd.DataFrame({"t": [1.5, np.nan], "name": ["a ", None], "day": pd.to_datetime(["2026-01-02", None])})
    stream = io.BytesIO()
    frame.set_index("name").to_parquet(stream)
    raw = parse_table(stream.getvalue(), "x.parquet")
    assert list(raw.frame.columns) == ["name", "t", "day"]
    assert raw.frame["t"].tolist()[0] == 1.5
    assert raw.frame["name"].tolist() == ["a", ""]
    assert raw.frame["day"].tolist() == ["2026-01-02", ""]


CELLS = st.sampled_from(["1", "2.5", "-", "x y", " 3 ", "'=a", "", "1e-3"])


@settings(max_examples=60)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=3, max_size=9),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_a_large_table_is_read_as_a_small_one(rows: list[list[str]], end: str, mark: bytes) -> None:
    rows = [["7", *row] for row in rows]
    data = mark + (end.join([",".join(["id", "a", "b", "c"]), *(",".join(row) for row in rows)]) + end).encode()
    small = parse_table(data, "x.csv")
    before, read_large.LEAST_BYTES = read_large.LEAST_BYTES, 0
    try:
        large = parse_table(data, "x.csv")
    finally:
        read_large.LEAST_BYTES = before
    pd.testing.assert_frame_equal(large.frame.astype(object), small.frame.astype(object))
    assert (large.decimal, large.header_lines, large.width) == (small.decimal, small.header_lines, small.width)


# below the table


def find_footer(lines: list[str]) -> list[int]:
    """Return the numbers of the lines that are left out when a new study guesses what is below the table."""
    data = "\n".join(lines).encode()
    layout = guess_layout(parse_grid(data, "x.csv")[0])
    raw = parse_table(data, "x.csv", Reading(header_lines=layout.header_lines, leave_out=layout.leave_out))
    return [entry["line"] for entry in raw.left_out]


BODY = [
    "sample,temp,time,capacity",
    *(f"P{k:02d},{700 + 50 * (k % 3)},{4 + 2 * (k % 4)},{150 + k * 1.37:.2f}" for k in range(8)),
]


@pytest.mark.parametrize(
    "word",
    [
        *("Gemiddelde", "Średnia", "Média", "Medelvärde", "Std. Abw.", "Standaardafwijking", "Varianza", "Moy.", "µ"),
        *("Среднее", "Dev.St.", "x̄", "RSD %", "Overall", "Summary", "Target", "Spec", "Limit", "LOD", "Écart-type"),
    ],
)
def test_words_of_statistics_in_many_languages_are_known(word: str) -> None:
    assert find_footer([*BODY, f"{word},,,151"]) == [10]


@given(
    digits=st.integers(2, 4),
    label=st.sampled_from(["", "Batch A", "gem.", "Best", "n.v.", "-"]),
    stats=st.lists(st.sampled_from(["mean", "sd"]), min_size=1, max_size=2, unique=True),
    step=st.floats(0.3, 7.7),
)
def test_rows_with_the_mean_or_spread_of_those_above_are_statistics(
    digits: int, label: str, stats: list[str], step: float
) -> None:
    body = np.array([[700 + 50 * (k % 3), 150 + k * step + (k * k % 5) / 3] for k in range(9)])
    body = body.round(3)
    rows = [f"P{k + 1:02d},{row[0]:g},{row[1]:g}" for k, row in enumerate(body)]
    values = {"mean": body.mean(axis=0), "sd": body.std(axis=0, ddof=1)}
    rows += [f"{label},{values[name][0]:.{digits}f},{values[name][1]:.{digits}f}" for name in stats]
    assert find_footer(["sample,temp,capacity", *rows]) == list(range(11, 11 + len(stats)))


@given(
    outcomes=st.lists(st.floats(80, 99).map(lambda x: round(x, 2)), min_size=12, max_size=12, unique=True),
    name=st.sampled_from(["Blank", "Ref", "Best", "n", "centre", "P12", ""]),
)
def test_centre_points_blanks_and_references_are_rows(outcomes: list[float], name: str) -> None:
    # a last outcome that is the mean or spread of the others, to its digits, is read as that
    half_step = 0.51 * 10.0 ** -len(str(outcomes[-1]).partition(".")[2])
    for statistic in (np.mean(outcomes[:-1]), np.std(outcomes[:-1], ddof=1)):
        assume(abs(outcomes[-1] - statistic) > half_step)
    corners = [f"P{k + 1},{-1 if k & 1 else 1},{-1 if k & 2 else 1},{-1 if k & 4 else 1}" for k in range(8)]
    points = [*corners, *(f"C{k},0,0,0" for k in range(3)), f"{name},0,0,0"]
    rows = [f"{point},{outcome}" for point, outcome in zip(points, outcomes, strict=True)]
    assert find_footer(["sample,a,b,c,yield", *rows]) == []


def test_a_row_in_the_middle_of_one_column_is_a_row() -> None:
    sigma = ("9.0e-4", "3.1e-4", "7.5e-4", "4.5e-4", "2.5e-4", "2.2e-4", "9.8e-3", "1.2e-2")
    rows = [f"Li{k}ZrCl{6 + k},,{value}" for k, value in enumerate(sigma)]
    for last in ("6.0e-4", "6.00e-4"):
        assert find_footer(["composition,x,sigma", *rows, f"Li2ZrCl6 + 5wt% LiI,,{last}"]) == []


def test_a_row_of_unknown_meaning_below_statistics_hides_them_not() -> None:
    assert find_footer([*BODY, "Mean,1,2,3", "Reference cell (2 %),,,150"]) == [10, 11]
    assert find_footer([*BODY, "Mean,1,2,3", "P09,700,4,150"]) == [10], "a row that was added below stays"
    assert find_footer([*BODY, "Ref,700,4,150"]) == []


@pytest.mark.parametrize(
    "note",
    [
        "Note: P03 was remeasured, P05 looked porous",
        "measured by KL on 3 March, checked",
        "Note: P03, 4, 5 and 6 were porous",
        "all cells from one roll of foil",
        "P03 was remeasured, P05 looked porous, P06 too, P07 is fine, P08 as well",
        "Note: P03 was remeasured, P05 looked porous,,",
    ],
)
def test_notes_below_a_table_are_no_rows(note: str) -> None:
    assert find_footer([*BODY, note]) == [10]
    assert find_footer([*BODY, "", "Mean,1,2,3", note]) == [11, 12]
    if note.count(",") not in (0, 3):
        with pytest.raises(TableError, match=r"line 10 has \d cells.*looks like a note.*table.leave_out"):
            parse_table("\n".join([*BODY, note]).encode(), "x.csv")


# files that are something else


def pack_files(names: dict[str, bytes]) -> bytes:
    """Return a zip archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("x.csv", b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        ("x.csv", b'[{"t": 1, "y": 2}, {"t": 2, "y": 3}]', "a JSON file"),
        ("x.txt", b'{"t": 1, "y": 2}\n{"t": 2, "y": 3}\n', "a JSON file"),
        ("x.xls", b"<html><body><table><tr><td>1</td></tr></table>", "a web page"),
        ("x.csv", b"\n<!DOCTYPE html>\n<p>", "a web page"),
        ("x.xls", b'<?xml version="1.0"?><Workbook/>', "an XML file"),
        (
            "x.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1" + "EncryptedPackage".encode("utf-16-le"),
            "a workbook protected by a password",
        ),
        ("x.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of Excel 97.*ending .xls"),
        ("x.csv", pack_files({"data.csv": b"t,y"}), "a packed archive .zip. with data.csv.*unpack"),
        ("x.csv", pack_files({"xl/workbook.xml": b""}), "a workbook .*ending .xlsx"),
        ("x.xlsx", pack_files({"word/document.xml": b""}), "a document, not a workbook"),
        ("x.csv", b"\x89PNG\r\n\x1a\n", "an image"),
        ("x.csv", b"\xff\xd8\xff\xe0", "an image"),
        ("x.csv", b"PAR1abc", "a Parquet file.*ending .parquet"),
        ("x.xlsx", b"t,y\n1,2\n2,3\n", "a text file.*ending .csv"),
        ("x.csv.gz", b"\x1f\x8b\x08", "a compressed file"),
    ],
    # archives hold the time, which must not be part of a test's name
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_files_of_other_kinds_are_named(name: str, data: bytes, what: str) -> None:
    with pytest.raises(TableError, match=f"{name}: this is {what}"):
        parse_table(data, name)


def test_tables_with_brackets_are_no_json() -> None:
    assert len(parse_table(b"[t],{y}\n1,2\n2,3\n", "x.csv").frame) == 2
    assert len(parse_table(b"[1],[2]\n1,2\n2,3\n", "x.csv").frame) == 2


def test_blanks_between_cells_are_named_with_what_was_tried() -> None:
    with pytest.raises(TableError, match=r"tried: tab, semicolon.*3 parts.*remove the # .* in line 1"):
        parse_table(b"# T time Q\n700 4 150.1\n750 6 151\n800 8 152\n", "x.txt")
    with pytest.raises(TableError, match=r"tried: tab, semicolon"):
        parse_table(b"T  time   Q\n700 4 150.1\n750 6 151\n800 8 152\n", "x.txt")
    assert len(parse_table(b"name\nLi2 O 1\nNaCl\nK Cl\n", "x.csv").frame) == 3
