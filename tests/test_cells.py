"""Numbers in cells as people write them: each is read as what it says, or named with what to write instead."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.data.cells import EMPTY, POINT, Decimal, find_decimal, find_empty, parse_cell
from batterymi.data.numbers import parse_numbers

READ = {
    "4.6e-4 ± 0.3e-4": (4.6e-4, 0.3e-4, "", ""),
    "3.2 ± 0.1": (3.2, 0.1, "", ""),
    "3.2±0.1": (3.2, 0.1, "", ""),
    "3.2 +/- 0.1": (3.2, 0.1, "", ""),
    "(3.2 ± 0.1) × 10⁻⁴": (3.2e-4, 1e-5, "", ""),
    "(3.2 ± 0.1)e-4": (3.2e-4, 1e-5, "", ""),
    "7.9(4)e-4": (7.9e-4, 0.4e-4, "", ""),
    "3.20(12)": (3.2, 0.12, "", ""),
    "4.1 x 10^-4": (4.1e-4, np.nan, "", ""),
    "4.1×10⁻⁴": (4.1e-4, np.nan, "", ""),
    "4.1·10−4": (4.1e-4, np.nan, "", ""),
    "4.1 * 10**-4": (4.1e-4, np.nan, "", ""),
    "10⁻⁴": (1e-4, np.nan, "", ""),
    "<1e-8": (1e-8, np.nan, "<", ""),
    "<1E-10": (1e-10, np.nan, "<", ""),
    "≤ 5": (5, np.nan, "<", ""),
    "below 0.1": (0.1, np.nan, "<", ""),
    "up to 7": (7, np.nan, "<", ""),
    ">1000": (1000, np.nan, ">", ""),
    "> 1e3": (1000, np.nan, ">", ""),
    ">= 1,200": (1200, np.nan, ">", ""),
    "≥95 %": (95, np.nan, ">", "%"),
    "⩾ ~95": (95, np.nan, ">", ""),
    "> 1000 cycles": (1000, np.nan, ">", "cycles"),
    "more than 3.2 ± 0.1": (3.2, 0.1, ">", ""),
    "＞10⁻⁴": (1e-4, np.nan, ">", ""),
    "at least 5": (5, np.nan, ">", ""),
    "~96 %": (96, np.nan, "", "%"),
    "ca. 12": (12, np.nan, "", ""),
    "91 %": (91, np.nan, "", "%"),
    "80 ± 2 %": (80, 2, "", "%"),
    "(80 ± 2) %": (80, 2, "", "%"),
    "1,100": (1100, np.nan, "", ""),
    "1 100": (1100, np.nan, "", ""),
    "1’100.5": (1100.5, np.nan, "", ""),
    "−3.5": (-3.5, np.nan, "", ""),
    "700 °C": (700, np.nan, "", "°C"),
    "3.2 mS/cm": (3.2, np.nan, "", "mS/cm"),
}
REFUSED = {
    "3.2±0.1e-4": "write 3.2e-4 ± 0.1e-4, or (3.2 ± 0.1)e-4",
    "4.6e-4 ± 0.3": "write 4.6e-4 ± 0.3e-4",
    "1000+": "write `>1000` where a test was stopped",
    "750-800": "a range",
    "3–4": "a range",
    "2026-04-14": "a date",
    "15.04.26": "a date",
    "03/04/2026": "a date",
    "14:30": "may be 14 h 30 min, 14 min 30 s, or a time of day",
    "2:30 pm": "a time of day",
    "0:75:00": "a time that no clock shows",
    "#DIV/0!": "an error of the spreadsheet",
    "pellet cracked": "not a number",
    "12/24": "not a number",
    "1.2.3": "not a number",
    "1,2,3": "not a number",
}


@pytest.mark.parametrize("text", READ)
def test_a_cell_is_read_as_what_it_says(text: str) -> None:
    cell = parse_cell(text)
    value, error, side, unit = READ[text]
    assert not cell.fault
    assert (cell.value, cell.side, cell.unit) == (pytest.approx(value), side, unit)
    assert cell.error == pytest.approx(error, nan_ok=True)


@pytest.mark.parametrize("text", REFUSED)
def test_a_cell_with_no_reading_or_two_is_named_with_what_to_write(text: str) -> None:
    cell = parse_cell(text)
    assert REFUSED[text] in cell.fault
    assert np.isnan(cell.value)


@given(
    st.decimals(-1e6, 1e6, places=3, allow_nan=False),
    st.decimals(0, 1000, places=3, allow_nan=False),
    st.integers(-12, 12),
    st.sampled_from(["±", " ± ", "+/-", " +- "]),
    st.sampled_from(["e{}", "E{}", " x 10^{}", "×10^{}", " · 10^{}", "*10**{}"]),
)
def test_values_with_errors_and_powers_are_read_whichever_way_they_are_written(
    value: object, error: object, power: int, sign: str, style: str
) -> None:
    raised = style.format(power)
    for text in (f"({value}{sign}{error}){raised}", f"{value}{raised}{sign}{error}{raised}"):
        cell = parse_cell(text)
        assert not cell.fault, text
        assert cell.value == pytest.approx(float(f"{value}e{power}"), rel=1e-12)
        assert cell.error == pytest.approx(float(f"{error}e{power}"), rel=1e-12)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1), st.sampled_from([",", ".", " ", "'", "\u202f"]))
def test_whole_numbers_with_separators_are_read_or_asked_about(numbers: list[int], separator: str) -> None:
    texts = [f"{number:,}".replace(",", separator) for number in numbers]
    delimiter = ";" if separator == "." else ","
    read = parse_numbers(pd.Series(texts), decimal=find_decimal(texts, delimiter))
    for place, (text, number) in enumerate(zip(texts, numbers, strict=True)):
        # never a thousandth of it, but where the text is a plain number with a decimal point
        is_plain = separator == "." and text.count(".") == 1
        assert place in read.faults or read.values[place] == number or is_plain, text


def test_the_decimal_sign_is_that_of_the_whole_table() -> None:
    for cells, delimiter, sign in (
        (["188,3", "700"], ";", ","),
        (["1,100", "0.95"], ",", "."),
        (["1,100", "0.95"], ";", "."),
        (["1,100", "0,95"], ",", ","),
        (["1,100", "700"], ";", ","),
        (["1,100", "700"], ",", ""),
        (["14.03.2026", "1,5"], ";", ","),
        (["Li3,5", "a,b"], ",", "."),
    ):
        assert find_decimal(cells, delimiter).sign == sign, cells
    assert "may be 1100 or 1.100" in parse_numbers(pd.Series(["1,100"]), decimal=find_decimal(["1,100"], ",")).faults[0]
    assert parse_numbers(pd.Series(["1,100"]), decimal=Decimal(".")).values[0] == 1100
    assert parse_numbers(pd.Series(["1,100"]), decimal=Decimal(",")).values[0] == 1.1
    assert parse_numbers(pd.Series(["1.100,5"]), decimal=Decimal(",", is_sure=False)).values[0] == 1100.5


def test_shares_and_units_in_cells_are_brought_to_the_unit_of_the_column() -> None:
    assert parse_numbers(pd.Series(["91 %", "94%"]), "1").values.tolist() == pytest.approx([0.91, 0.94])
    assert parse_numbers(pd.Series(["91 %", "94"]), "percent").values.tolist() == [91, 94]
    assert parse_numbers(pd.Series(["973.15 K", "700"]), "°C").values.tolist() == [pytest.approx(700), 700]
    wrong = parse_numbers(pd.Series(["12 h", "5 parsecs per coulomb", "91 %"]), "°C")
    assert sorted(wrong.faults) == [0, 1, 2]
    assert "is in h, the column is in °C" in wrong.faults[0]


def test_a_fraction_among_percents_is_asked_about() -> None:
    read = parse_numbers(pd.Series(["91 %", "94%", "95.5", "0.95", "~96 %"]), "percent")
    assert list(read.faults) == [3]
    assert "write 95 if it is, or `0.95 %` if it is not" in read.faults[3]
    assert not parse_numbers(pd.Series(["0.5", "1", "2", "50"]), "wt%").faults, "amounts may be small"


def test_what_was_understood_is_said() -> None:
    read = parse_numbers(pd.Series(["3.2 ± 0.1", "4(1)", "<1e-8", "~5", "1,100", "700"]), decimal=POINT)
    said = " | ".join(read.notes)
    for what in ("2 cells read as a value with its error", "upper limit", "approximate", "commas between thousands"):
        assert what in said
    assert read.sides.tolist() == [0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("cells", "delimiter", "said"),
    [
        (["140", "1,51", "153"], ",", "1 cell read with a decimal comma, unlike the other numbers: '1,51' is 1.51"),
        (["140", "1,51", "153"], "", "1 cell read with a decimal comma, unlike the other numbers: '1,51' is 1.51"),
        (["1.4", "1,51", "1.53"], ";", "1 cell read with a decimal comma, unlike the other numbers: '1,51' is 1.51"),
        (["140", "1,51", "153"], ";", ""),
        (["1,4", "1,51", "153"], ",", ""),
    ],
)
def test_a_lone_decimal_comma_is_named(cells: list[str], delimiter: str, said: str) -> None:
    """Where semicolons separate cells it is usual, and where most numbers have one it is no slip."""
    assert "; ".join(parse_numbers(pd.Series(cells), decimal=find_decimal(cells, delimiter)).notes) == said
    assert parse_numbers(pd.Series(cells), decimal=find_decimal(cells, delimiter, ",")).notes == []


def test_elements_are_no_empty_cells() -> None:
    cells = pd.Series(["Na", "Nd", "No", "N", "none", "0"])
    assert not find_empty(cells).any()
    assert find_empty(pd.Series(EMPTY)).all()


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_any_text_is_a_number_empty_or_named(texts: list[str]) -> None:
    cells = pd.Series([text.strip() for text in texts])
    read = parse_numbers(cells)
    for place, is_empty in enumerate(find_empty(cells)):
        assert is_empty == (np.isnan(read.values[place]) and place not in read.faults)
