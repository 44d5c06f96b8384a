"""Durations in cells, whichever way people write them; times with several readings are asked about."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tried_studies import join_rows, new_study

from batterymi.authoring.roles import Wishes
from batterymi.data.cell_formats import format_duration
from batterymi.data.cells import parse_cell
from batterymi.data.durations import SECONDS, choose_time_unit, find_clock_format, is_ratio, parse_duration
from batterymi.data.numbers import parse_numbers
from batterymi.data.other_cells import is_like_date

READ = {
    "02:30:00": 9000,
    "0:00:45": 45,
    "126:30:00": 455400,
    "00:00:01.5": 1.5,
    "2h 30min": 9000,
    "2 h 30": 9000,
    "2h30m": 9000,
    "2 hours and 30 minutes": 9000,
    "1 d 4 h": 100800,
    "1 day, 4:00:00": 100800,
    "0 days 02:30:00": 9000,
    "1 min 30 s": 90,
    "1 Tag 4 Std.": 100800,
    "1 week 2 days": 777600,
    "PT2H30M": 9000,
    "P1DT4H": 100800,
}
NO_DURATIONS = ("2:30", "2:75:00", "30 min 2 h", "1.5 h 30 min", "2", "P", "PT", "2 m", "1 2 h", "", "h 2", "2 h 3 mV")


@pytest.mark.parametrize("text", READ)
def test_a_duration_is_read_as_what_it_says(text: str) -> None:
    found = parse_duration(text)
    assert found is not None
    assert found.value * SECONDS[found.unit] == pytest.approx(READ[text])


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_other_texts_are_no_durations(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 10**6), st.sampled_from(["s", "min", "h", "d"]))
def test_durations_are_read_in_the_unit_of_the_column_whichever_way_they_are_written(seconds: int, unit: str) -> None:
    # as 80:10:10, of which there is no telling where all cells are such
    assume(not is_ratio(format_duration(seconds)))
    days, hours, minutes, rest = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    texts = [
        f"{seconds // 3600}:{minutes:02d}:{rest:02d}",
        f"{days} d {hours} h {minutes} min {rest} s",
        f"{days}d{hours}h{minutes}m{rest}s",
        f"P{days}DT{hours}H{minutes}M{rest}S",
        str(timedelta(seconds=seconds)),
        format_duration(seconds),
    ]
    read = parse_numbers(pd.Series(texts), unit)
    assert not read.faults
    np.testing.assert_allclose(read.values * SECONDS[unit], seconds, rtol=1e-10)


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=8), st.sampled_from(["s", "min", "h"]))
@example(quarters=[276], unit="s")  # 1.15 min, of which a hundred times is a little less than 115
def test_the_unit_is_the_largest_in_which_numbers_are_round(quarters: list[int], unit: str) -> None:
    seconds = np.array(quarters) * SECONDS[unit] / 4
    chosen = choose_time_unit(seconds)
    if seconds.max() >= 1:
        assert SECONDS[chosen] <= seconds.max()
        assert SECONDS[chosen] >= SECONDS[unit] or seconds.max() < SECONDS[unit]
    if seconds.max() >= SECONDS[chosen] and SECONDS[chosen] >= SECONDS[unit]:
        hundredths = seconds / SECONDS[chosen] * 100
        assert np.allclose(hundredths, np.round(hundredths), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("cells", "unit", "values", "faulty"),
    [
        (["02:30:00", "04:00:00", ""], "h", [2.5, 4, np.nan], []),
        (["02:30:00", "90 min", "1 d 4 h"], "h", [2.5, 1.5, 28], []),
        (["> 500 h 30 min", "~2 h 30", "4 h"], "h", [500.5, 2.5, 4], []),
        (["02:30:00", "04:00:00", "3"], "h", [2.5, 4, np.nan], [2]),
        (["2", "04:00:00", "3"], "h", [2, np.nan, 3], [1]),
        (["2", "1 h 30 min", "3"], "h", [2, 1.5, 3], []),
        (["2:30", "4:00:00", "5 h"], "h", [np.nan, 4, 5], [0]),
        (["2:30", "4:00", "26:15"], "hh:mm", [2.5, 4, 26.25], []),
        (["2:30", "4:00", "90:15"], "mm:ss", [2.5, 4, 90.25], []),
        (["2:30", "4", "1:15:00"], "hh:mm", [2.5, np.nan, 1.25], [1]),
        (["4", "5"], "hh:mm", [np.nan, np.nan], [0, 1]),
        (["02:30:00", "1 h 30 min"], "°C", [np.nan, np.nan], [0, 1]),
        (["02:30:00", "1 h 30 min"], "1", [np.nan, np.nan], [0, 1]),
        (["80:10:10", "90:05:05"], "h", [np.nan, np.nan], [0, 1]),
        (["80:10:10", "02:30:00"], "h", [80 + 10 / 60 + 10 / 3600, 2.5], []),
    ],
)
def test_a_column_reads_as_durations_or_names_its_cells(
    cells: list[str], unit: str, values: list[float], faulty: list[int]
) -> None:
    read = parse_numbers(pd.Series(cells), unit)
    np.testing.assert_allclose(read.values, values)
    assert sorted(read.faults) == faulty


def test_two_numbers_with_a_colon_are_asked_about_with_all_readings() -> None:
    fault = parse_cell("14:30").fault
    for part in ("14 h 30 min", "14 min 30 s", "time of day", "table.units", "hh:mm"):
        assert part in fault
    assert "a time of day" in parse_cell("2:30 pm").fault
    assert "add up to 100" in parse_numbers(pd.Series(["80:10:10"]), "h").faults[0]
    assert [find_clock_format(text) for text in ("hh:mm", "H:MM", "[h]:mm", "mm:ss", "m:ss", "h", "", "hh")] == [
        *("hh:mm", "hh:mm", "hh:mm", "mm:ss", "mm:ss", "", "", "")
    ]


def test_single_letters_behind_a_number_keep_their_capitals() -> None:
    """S is siemens and W is watt; s and h are times."""
    assert parse_numbers(pd.Series(["5 S", "6 S"]), "s").faults.keys() <= {0, 1}
    assert parse_cell("5 S").unit == "S"
    assert parse_cell("5 W").unit == "W"
    assert [parse_cell(text).unit for text in ("5 hrs", "5 Std.", "5 days", "5 MIN")] == ["h", "h", "d", "min"]


# studies

TIMES = {
    "clock": (["02:30:00", "04:00:00", "12:00:00", "06:15:00"], "h", [2.5, 4, 12, 6.25]),
    "words": (["2h 30min", "4 h", "1 d 4 h", "90 min"], "h", [2.5, 4, 28, 1.5]),
    "minutes": (["0:02:30", "0:04:00", "0:12:00", "0:00:45"], "min", [2.5, 4, 12, 0.75]),
    "french": (["2 h 30", "4 h", "12 h", "6 h 15"], "h", [2.5, 4, 12, 6.25]),
}


def make_table(name: str, cells: list[str]) -> str:
    """A table with a column of times."""
    rows = [f'S{i},{700 + 50 * i},"{cell}",{150 + i % 3}' for i, cell in enumerate(cells)]
    return join_rows(f"id,temp_c,{name},capacity", rows)


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("header", ["hold", "sinter time"])
def test_a_new_study_reads_durations_in_a_unit_that_it_says(kind: str, header: str) -> None:
    cells, unit, values = TIMES[kind]
    with new_study(make_table(header, cells)) as found:
        assert found.roles[header] == "factor"
        feature = found.study.features[-1]
        assert feature.unit == unit
        assert found.load_rows().rows[feature.name].tolist() == pytest.approx(values)
        asks = [line for line in found.questions if "times of day" in line]
        assert len(asks) == (":" in cells[0]), "a clock may show the time of day"


def test_a_header_with_a_unit_decides_it() -> None:
    with new_study(make_table("hold (min)", TIMES["clock"][0])) as found:
        assert found.load_rows().rows["hold_min"].tolist() == [150, 240, 720, 375]
        assert not [line for line in found.questions if "times of day" in line]


def test_times_of_day_and_ratios_are_no_durations() -> None:
    for header in ("start", "End time", "Uhrzeit", "time of day clock"):
        with new_study(make_table(header, TIMES["clock"][0])) as found:
            assert found.roles[header] == "date"
    with new_study(make_table("AM:CB:binder", ["80:10:10", "90:05:05", "80:10:10", "94:03:03"])) as found:
        assert found.study.features[-1].choices == ("80:10:10", "90:05:05", "94:03:03")
    with new_study(make_table("EC:DEC", ["50:50", "70:30", "50:50", "60:40"])) as found:
        assert found.study.features[-1].choices == ("50:50", "70:30", "60:40")


SHORT = ["2:30", "4:00", "12:00", "6:15"]


def test_what_may_be_a_time_of_day_is_taken_as_one_until_somebody_says_what_it_is() -> None:
    with new_study(make_table("hold", SHORT)) as found:
        assert found.roles["hold"] == "date"
    with new_study(make_table("hold", SHORT), wishes=Wishes(factors=("hold",))) as found:
        assert found.study.table.units == {"hold": "hh:mm"}
        assert found.load_rows().rows["hold"].tolist() == [2.5, 4, 12, 6.25]
    change = (("{hold: hh:mm}", "{hold: 'mm:ss'}"),)
    with new_study(make_table("hold", SHORT), wishes=Wishes(factors=("hold",)), changes=change) as found:
        assert found.load_rows().rows["hold"].tolist() == pytest.approx([2.5 / 60, 4 / 60, 0.2, 6.25 / 60])
    for header, unit in (("hold (hh:mm)", "h"), ("mix [mm:ss]", "min")):
        with new_study(make_table(header, SHORT)) as found:
            feature = found.study.features[-1]
            assert feature.unit == unit
            assert found.load_rows().rows[feature.name].tolist() == [2.5, 4, 12, 6.25]


@given(st.lists(st.integers(60, 86399), min_size=4, max_size=8, unique=True), st.booleans())
@settings(max_examples=10)
def test_no_duration_is_lost_between_a_table_and_a_study(seconds: list[int], with_words: bool) -> None:
    cells = [format_duration(s) for s in seconds]
    if with_words:
        cells = [f"{s // 3600} h {s // 60 % 60} min {s % 60} s" for s in seconds]
    with new_study(make_table("hold", cells)) as found:
        rows = found.load_rows().rows
        np.testing.assert_allclose(rows["hold"] * SECONDS[found.study.features[-1].unit], seconds, rtol=1e-9)


def test_what_spreadsheets_make_of_ratios_and_ranges_is_named() -> None:
    for text in ("2:01", "1-Feb", "2:01:00", "Mar-26"):
        assert is_like_date(text), text
    for text in ("90 min", "12 rpm", "2:1", "50:50", "air"):
        assert not is_like_date(text), text
