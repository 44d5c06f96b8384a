"""Cells of workbooks as they are shown: percents, times, dates, currencies and units, alike in .xlsx and .ods."""

import io
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ods_files import Cell, make_ods
from tried_studies import new_study

from batterymi.data.cell_formats import Format, format_duration, format_value, read_format
from batterymi.data.read_table import parse_table
from batterymi.errors import TableError

FORMATS = {
    "General": Format(),
    "0.00": Format(),
    "0%": Format(is_percent=True),
    "[Red]0.0%;-0.0%": Format(is_percent=True),
    '0.0"%"': Format(unit="%"),
    r"0.0\%": Format(unit="%"),
    '0.0" mV"': Format(unit="mV"),
    r"0.0\ \°\C": Format(unit="°C"),
    '0" pieces of cake"': Format(),
    "[$€-407] #,##0.00": Format(currency="€"),
    '"$"#,##0.00': Format(currency="$"),
    '#,##0.00 "CHF"': Format(currency="CHF"),
    '_-* #,##0.00\\ [$€-407]_-;-* #,##0.00\\ [$€-407]_-;_-* "-"??\\ [$€-407]_-;_-@_-': Format(currency="€"),
    '0.00;"none;%"': Format(),
    "0.00E+00": Format(),
}


@pytest.mark.parametrize("text", FORMATS)
def test_a_format_says_what_stands_beside_a_number(text: str) -> None:
    assert read_format(text) == FORMATS[text]


def test_values_are_texts_as_they_are_shown() -> None:
    for value, shown, text in (
        (0.91, "0%", "91%"),
        (0.07, "0.00%", "7%"),
        (91, '0"%"', "91 %"),
        (0.1 + 0.2, "0%", "30%"),
        (5.5, '0.0" mV"', "5.5 mV"),
        (time(2, 30), "h:mm:ss", "02:30:00"),
        (time(2, 30), "h:mm", "2:30"),
        (time(0, 2, 30), "mm:ss", "00:02:30"),
        (time(14, 30), "h:mm AM/PM", "02:30 pm"),
        (time(2, 30), "", "02:30:00"),
        (timedelta(hours=26, minutes=30), "[h]:mm", "26:30:00"),
        (timedelta(seconds=1.5), "", "0:00:01.5"),
        (timedelta(seconds=-90), "", "-0:01:30"),
        (datetime(2026, 3, 1, 9, 12, 33), "", "2026-03-01 09:12:33"),
        (datetime(2026, 3, 1, 9, 12), "", "2026-03-01 09:12"),
        (datetime(2026, 3, 1), "", "2026-03-01"),
        (date(2026, 3, 1), "", "2026-03-01"),
        (True, "0%", "True"),
    ):
        assert format_value(value, shown) == text


def make_xlsx(rows: list[list[Any]], formats: dict[str, str] | None = None) -> bytes:
    """A workbook, some of its cells with a number format."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for address, number_format in (formats or {}).items():
        book.active[address].number_format = number_format
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def number(value: float) -> Cell:
    return ("float", repr(value), f"{value:g}")


def percent(value: float) -> Cell:
    return ("percentage", repr(value), f"{100 * value:g}%")


def text(value: str) -> Cell:
    return ("string", value, value)


SHARES = [0.91, 0.95, 0.925, 0.97]


@pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
def test_a_column_of_percents_is_in_percent(suffix: str) -> None:
    if suffix == ".ods":
        head = [text("id"), text("temp_c"), text("retention")]
        rows = [[text(f"S{i}"), number(700 + 50.0 * i), percent(share)] for i, share in enumerate(SHARES)]
        content = make_ods([head, *rows])
    else:
        rows = [[f"S{i}", 700 + 50 * i, share] for i, share in enumerate(SHARES)]
        formats = {f"C{i + 2}": "0.0%" for i in range(4)}
        content = make_xlsx([["id", "temp_c", "retention"], *rows], formats)
    with new_study(content, suffix) as found:
        assert found.study.objectives[0].unit == "percent"
        assert found.load_rows().rows["retention"].tolist() == pytest.approx([91, 95, 92.5, 97])
    changed = (("unit: percent, goal: maximise, valid: [0, 100]", "unit: '1', goal: maximise"),)
    with new_study(content, suffix, changes=changed) as found:
        loaded = found.load_rows()
        assert loaded.rows["retention"].tolist() == pytest.approx(SHARES)
        assert "4 cells in another unit: '91%' is 0.91" in " ".join(loaded.list_notes())


@pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
def test_percents_beside_plain_numbers_are_right_or_named(suffix: str) -> None:
    cells: list[tuple[float, bool]] = [(0.91, True), (95.0, False), (0.93, False), (0.97, True), (88.0, False)]
    if suffix == ".ods":
        rows = [[number(700 + 50.0 * i), (percent if is_share else number)(v)] for i, (v, is_share) in enumerate(cells)]
        content = make_ods([[text("temp_c"), text("retention")], *rows])
    else:
        formats = {f"B{i + 2}": "0%" for i, (_, is_share) in enumerate(cells) if is_share}
        content = make_xlsx([["temp_c", "retention"], *[[700 + 50 * i, v] for i, (v, _) in enumerate(cells)]], formats)
    with new_study(content, suffix) as found:
        assert list(found.list_faults()) == [4]
        assert "0.93" in found.list_faults()[4]
        assert found.load_rows(bad_rows="drop").rows["retention"].tolist() == [91, 95, 97, 88]


VALUES = st.one_of(
    st.none(),
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 4)),
    st.integers(-2000, 2000).map(lambda x: ("%", x / 1000)),
    st.integers(0, 10**6).map(lambda x: timedelta(seconds=x)),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.booleans(),
    st.sampled_from(["air", "O2", ">5", "2 h 30", "a b", "π"]),
)


def as_ods(value: Any) -> Cell:
    """The cell of an .ods file."""
    if value is None:
        return ("", "", "")
    if isinstance(value, tuple):
        return percent(value[1])
    if isinstance(value, bool):
        return ("boolean", str(value).lower(), str(value).upper())
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        parts = f"PT{seconds // 3600:02d}H{seconds // 60 % 60:02d}M{seconds % 60:02d}S"
        return ("time", parts, format_duration(seconds))
    if isinstance(value, date):
        return ("date", value.isoformat(), f"{value:%d.%m.%y}")
    return number(value) if isinstance(value, int | float) else text(value)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=2, max_size=6))
@settings(max_examples=40)
def test_xlsx_and_ods_are_read_alike(rows: list[list[Any]]) -> None:
    head, rows = ["id", "a", "b", "c"], [[k + 1, *row] for k, row in enumerate(rows)]
    plain = [[value[1] if isinstance(value, tuple) else value for value in row] for row in rows]
    formats = {
        openpyxl.utils.get_column_letter(column + 1) + str(line + 2): "0.0%"
        for line, row in enumerate(rows)
        for column, value in enumerate(row)
        if isinstance(value, tuple)
    }
    ours = parse_table(make_xlsx([head, *plain], formats), "x.xlsx").frame
    theirs = parse_table(make_ods([list(map(text, head)), *[list(map(as_ods, row)) for row in rows]]), "x.ods").frame
    assert theirs.to_numpy().tolist() == ours.to_numpy().tolist()
    assert list(theirs.index) == list(ours.index)


def test_times_of_an_ods_file_keep_what_is_shown() -> None:
    rows = [[text("t"), text("y")]]
    rows += [[("time", "PT02H30M00S", shown), number(1.0)] for shown in ("02:30", "02:30:00", "2:30 PM")]
    rows += [[("time", "-PT00H01M30.5S", "x"), number(1.0)], [("time", "P1DT4H0M0S", "28:00:00"), number(1.0)]]
    frame = parse_table(make_ods(rows), "x.ods").frame
    assert frame["t"].tolist() == ["02:30", "2:30:00", "2:30 PM", "-0:01:30.5", "28:00:00"]


def test_repeated_merged_hidden_and_empty_cells_of_an_ods_file() -> None:
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    y = '<table:table-cell office:value-type="float" office:value="{}"><text:p>{}</text:p>{}</table:table-cell>'
    note = "<office:annotation><text:p>a remark</text:p></office:annotation>"
    spanned = '<table:table-cell table:number-rows-spanned="2" office:value-type="string">{}</table:table-cell>'
    spaces = '<text:p>a<text:s text:c="2"/>b</text:p>'
    further = (
        f"<table:table-row>{spanned.format(spaces)}{y.format(1, 1, note)}{blank}</table:table-row>"
        f"<table:table-row><table:covered-table-cell/>{y.format(2, 2, '')}</table:table-row>"
        f'<table:table-row table:number-rows-repeated="2">{blank}</table:table-row>'
        f'<table:table-row table:number-rows-repeated="2" table:visibility="collapse"><table:table-cell/>'
        f"{y.format(3, 3, '')}</table:table-row>"
        f'<table:table-row table:number-rows-repeated="1048000">{blank}</table:table-row>'
    )
    raw = parse_table(make_ods([[text("name"), text("y")]], further), "x.ods")
    assert raw.frame.to_numpy().tolist() == [["a  b", "1"], ["", "2"], ["", "3"], ["", "3"]]
    assert list(raw.frame.index) == [2, 3, 6, 7]
    said = " | ".join(raw.notes)
    assert "merged cells A2:A3" in said
    assert "hidden rows are read too: 6, 7" in said


def test_copies_of_linked_files_are_no_sheets() -> None:
    link = "</table:table><table:table table:name=\"'file:///x.ods'#S\"><table:table-source/>"
    cell = '<table:table-cell office:value-type="string"><text:p>9</text:p></table:table-cell>'
    rows = [[text("a"), text("b")], [number(1.0), number(2.0)]]
    assert parse_table(
        make_ods(rows, f"{link}<table:table-row>{cell}</table:table-row>"), "x.ods"
    ).frame.to_numpy().tolist() == [["1", "2"]]


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ('<table:table-row><table:table-cell table:formula="of:=A1"/></table:table-row>', "A3: a formula without"),
        ('<table:table-row table:number-rows-repeated="900000000">' + "<table:table-cell office:value-type="
         '"string"><text:p>a</text:p></table:table-cell></table:table-row>', "more than 50,000,000 cells"),
        ("<table:table-row>", "content.xml: mismatched tag"),
    ],
)  # fmt: skip
def test_an_ods_file_that_cannot_be_read_is_refused_in_words(further: str, said: str) -> None:
    with pytest.raises(TableError, match=said):
        parse_table(make_ods([[text("a"), text("b")], [number(1.0), number(2.0)]], further), "x.ods")


def test_currencies_are_noted_and_several_in_a_column_are_refused() -> None:
    rows = [["id", "temp_c", "cost"], *[[f"S{i}", 700 + 50 * i, 5.5 + i] for i in range(4)]]
    euro = {f"C{i}": "[$€-407] #,##0.00" for i in range(2, 6)}
    raw = parse_table(make_xlsx(rows, euro), "x.xlsx")
    assert raw.notes == ["column C: numbers shown in € are read without it"]
    assert raw.frame["cost"].tolist() == ["5.5", "6.5", "7.5", "8.5"]
    mixed = make_xlsx(rows, {**euro, "C4": '"$"0.00'})
    assert (
        "column C: is in several currencies, € (3 cells), $ (1 cell); convert them to one"
        in parse_table(mixed, "x.xlsx").notes
    )
    assert parse_table(mixed, "x.xlsx").frame["cost"].tolist() == ["5.5 €", "6.5 €", "7.5 $", "8.5 €"]
    ods = make_ods([[text("a"), text("b")], [number(1.0), ("currency", "5.2", "5,20")]])
    assert parse_table(ods, "x.ods").notes == ["column B: numbers shown in a currency are read without it"]


def test_units_that_a_format_shows_count() -> None:
    rows = [["id", "temp_c", "overpotential"], *[[f"S{i}", 700 + 50 * i, 5.5 + i] for i in range(3)], ["S3", 850, 0.02]]
    formats = {**{f"C{i}": '0.0" mV"' for i in range(2, 5)}, "C5": '0.00" V"'}
    with new_study(make_xlsx(rows, formats), ".xlsx") as found:
        assert found.study.objectives[0].unit == "mV"
        assert found.load_rows().rows["overpotential"].tolist() == [5.5, 6.5, 7.5, 20]
