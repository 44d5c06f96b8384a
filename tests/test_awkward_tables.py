"""Tables with awkward cells and headers: each is read as what it says, or named, never changed without a word."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tried_studies import join_rows, new_study

from batterymi.authoring.role import Role
from batterymi.data.cells import parse_cell
from batterymi.data.column_facts import split_unit
from batterymi.data.header_units import split_header
from batterymi.data.numbers import parse_numbers
from batterymi.data.plausible import describe_fractions
from batterymi.data.row_status import read_word
from batterymi.vocabulary.splits import FAILED, PENDING


@pytest.mark.parametrize(
    ("header", "label", "unit"),
    [
        ("capacity mAh/g", "Capacity", "mAh/g"),
        ("Energy density Wh/kg", "Energy density", "Wh/kg"),
        ("current mA/cm2", "Current", "mA/cm2"),
        ("scan rate mV/s", "Scan rate", "mV/s"),
        ("Voltage/V", "Voltage", "V"),
        ("capacity / mAh g-1", "Capacity", "mAh/g"),
        ("Li/TM", "Li/TM", "1"),
        ("t (hh:mm)", "t", "h"),
        ("t [mm:ss]", "t", "min"),
    ],
)
def test_a_slash_in_a_header_belongs_to_the_unit_that_it_is_part_of(header: str, label: str, unit: str) -> None:
    assert split_unit(header) == (label, unit)
    if unit not in ("1", "h", "min"):
        assert split_header(header)[1].replace(" ", "") in (unit, "mAhg-1")


def test_a_number_in_brackets_is_asked_about() -> None:
    assert "may be -35, as accountants write it, or 35 in brackets" in parse_cell("(35)").fault
    assert "may be -3.5e-4" in parse_cell("(3.5e-4)").fault
    assert parse_cell("(3.5 ± 0.1)").value == 3.5
    assert parse_cell("(3.5)e-4").value == 3.5e-4


def test_signs_of_web_pages_and_wide_letters_are_read() -> None:
    for text, value, side, unit in (
        ("&gt;1000", 1000, ">", ""),
        ("&lt; 3", 3, "<", ""),
        ("850℃", 850, "", "°C"),
        ("158．5", 158.5, "", ""),
        ("größer als 5", 5, ">", ""),
        ("höchstens 7", 7, "<", ""),
    ):
        cell = parse_cell(text)
        assert (cell.value, cell.side, cell.unit, cell.fault) == (value, side, unit, ""), text


@pytest.mark.parametrize("text", ["1000+", "1000 (stopped)", ">1000 (running)", "1000 [test stopped]", "1000 run-out"])
def test_a_test_that_was_stopped_is_asked_for_as_a_limit(text: str) -> None:
    assert "write `>1000` where a test was stopped" in parse_cell(text).fault


def test_words_for_what_is_under_way_are_known_in_short_texts_only() -> None:
    assert read_word("still running") == PENDING
    assert read_word("test ongoing") == PENDING
    assert read_word("pellet cracked") == FAILED
    for text in ("not running", "running at 1000", "ran well while another was running", "no error"):
        assert read_word(text) is None, text


def test_text_that_an_export_forces_is_read_as_what_it_is() -> None:
    rows = [f'S{i},="{700 + 50 * i}",{150 + i % 3}' for i in range(4)] + ['="S4","=""900""",155']
    with new_study(join_rows("id,temp_c,capacity", rows)) as found:
        assert found.load_rows().rows["temp_c"].tolist() == [700, 750, 800, 850, 900]
        assert found.load_rows().rows["id"].tolist() == ["S0", "S1", "S2", "S3", "S4"]


def test_dates_as_numbers_are_no_factors() -> None:
    for header, dates in (
        ("date", [45000, 45001, 45001, 45003]),
        ("Datum", [20260110, 20260111, 20260113, 20260120]),
    ):
        rows = [f"{day},{700 + 50 * i},{150 + i % 3}" for i, day in enumerate(dates)]
        with new_study(join_rows(f"{header},temp_c,capacity", rows)) as found:
            assert found.roles == {header: "date", "temp_c": "factor", "capacity": "objective"}
    rows = [f"{day},{700 + 50 * i},{150 + i % 3}" for i, day in enumerate([1, 3, 7, 14])]
    with new_study(join_rows("curing day,temp_c,capacity", rows)) as found:
        assert found.roles["curing day"] != "date"


def test_choices_that_differ_in_their_spelling_alone_are_asked_about() -> None:
    rows = [
        f"S{i},{700 + 50 * (i % 3)},{word},{150 + i}" for i, word in enumerate(["PVDF", "pvdf", "CMC", "PVdF ", "CMC"])
    ]
    with new_study(join_rows("id,temp_c,binder,capacity", rows)) as found:
        assert "binder: 'PVDF' and 'pvdf' and 'PVdF' are different choices; write them alike if they are one" in (
            found.questions
        )
    with new_study(
        join_rows("id,temp_c,binder,capacity", [row.replace("p", "X") for row in rows[2:]] + rows[:1])
    ) as found:
        assert not [line for line in found.questions if "different choices" in line and "CMC" in line]


def find_reason(content: str, header: str) -> Role:
    """The role of a column of a table, with its reason."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from batterymi.authoring.new_study import guess_study
    from batterymi.authoring.roles import Wishes
    from batterymi.config.sources import Reading

    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(content, encoding="utf-8")
        roles = guess_study(path, path.name, "x", Reading(), Wishes(), ()).plan.roles
    return next(role for role in roles if role.column.header == header)


def test_a_column_that_cannot_be_read_says_why_and_is_no_id() -> None:
    values = ["1.100", "1.150", "1.200", "950", "1.000", "1.050"]
    rows = [f"P{i};{value};{6 + i}0,5;{150 + i % 4},2" for i, value in enumerate(values)]
    role = find_reason("\n".join(["Probe;T (°C);t;Kapazität", *rows]), "T (°C)")
    assert role.role == "ignored"
    assert "line 2: 1.100 may be 1100 or 1.100" in role.why
    marked = [f"S{i},{700 + 50 * (i % 3)},{value},{150 + i % 4}" for i, value in enumerate(["1a", "2*", "3 (b)", "4"])]
    role = find_reason(join_rows("id,temp_c,retention,capacity", marked), "retention")
    assert "no number stands in 3 cells, as line 2: '1a'" in role.why
    role = find_reason(join_rows("id,temp_c,retention,capacity", [*marked[1:], "S9,750,3*,151"]), "retention")
    assert "no number stands in 3 cells" in role.why
    role = find_reason(join_rows("id,temp_c,retention,capacity", marked[1:]), "retention")
    assert "has one number; in 2 cells no number stands, as line 2: '2*'" in role.why


UNITS = st.sampled_from([("°C", 0.0), ("K", -273.15)])


@given(st.lists(st.tuples(st.integers(300, 1200), UNITS), min_size=3, max_size=8), st.integers(0, 1))
@settings(max_examples=40)
def test_one_odd_unit_is_named_and_does_not_hide_the_others(
    cells: list[tuple[int, tuple[str, float]]], n_odd: int
) -> None:
    texts = [f"{value} {unit}" for value, (unit, _) in cells] + ["5 parsnips"] * n_odd
    first = parse_numbers(pd.Series(texts))
    assert first.unit == cells[0][1][0], "the first that is named"
    read = parse_numbers(pd.Series(texts), first.unit)
    assert list(read.faults) == [len(cells)] * n_odd
    shift = cells[0][1][1]
    expected = [value + own - shift for value, (_, own) in cells]
    np.testing.assert_allclose(read.values[: len(cells)], expected, atol=1e-9)
    others = sum(unit != first.unit for _, (unit, _) in cells)
    said = [note for note in read.notes if "in another unit" in note]
    assert len(said) == (others > 0)
    if others:
        assert said[0].startswith(f"{others} cell")


def test_cells_that_were_converted_are_said() -> None:
    read = parse_numbers(pd.Series(["4.2 V", "4200 mV", "4.3"]), "V")
    assert read.notes == ["1 cell in another unit: '4200 mV' is 4.2 V"]
    assert parse_numbers(pd.Series(["91 %", "94"]), "percent").notes == []
    assert parse_numbers(pd.Series(["91 %"]), "1").notes == ["1 cell in another unit: '91 %' is 0.91"]


def test_an_error_in_another_unit_is_converted_without_its_offset() -> None:
    read = parse_numbers(pd.Series(["(973.15 ± 5) K", "700 ± 2", "0.7 ± 0.1 k°C"]), "°C")
    assert read.values[:2].tolist() == [700, 700]
    assert read.errors[:2].tolist() == pytest.approx([5, 2])
    read = parse_numbers(pd.Series(["4200 ± 10 mV"]), "V")
    assert (read.values[0], read.errors[0]) == (4.2, pytest.approx(0.01))


def test_one_percent_sign_is_enough_to_ask_about_fractions() -> None:
    read = parse_numbers(pd.Series(["0.91", "0.92", "93 %"]), "percent")
    assert list(read.faults) == [0, 1]
    assert not parse_numbers(pd.Series(["0.5", "0.2", "0.9 %"]), "percent").faults


LIMITS = st.tuples(st.sampled_from(["", "<", ">", "≤", "≥ ", "> ~", "at least "]), st.integers(1, 5000))


@given(st.lists(LIMITS, min_size=4, max_size=10, unique_by=lambda cell: cell[1]), st.sampled_from([",", ";", "\t"]))
@settings(max_examples=25)
def test_every_row_of_a_table_with_limits_is_kept_with_its_side(cells: list[tuple[str, int]], delimiter: str) -> None:
    sides = {"": 0, "<": 1, "≤": 1, ">": -1, "≥ ": -1, "> ~": -1, "at least ": -1}
    rows = [delimiter.join([f"S{i}", str(700 + i % 3), f"{sign}{value}"]) for i, (sign, value) in enumerate(cells)]
    content = "\n".join([delimiter.join(["id", "temp_c", "cycle life"]), *rows])
    with new_study(content) as found:
        loaded = found.load_rows()
        assert loaded.rows["cycle_life"].tolist() == [value for _, value in cells]
        kept = loaded.rows.get("cycle_life: bound", pd.Series(0.0, loaded.rows.index))
        assert kept.tolist() == [sides[sign] for sign, _ in cells]
        assert not loaded.dropped


def test_a_limit_of_an_error_is_no_error() -> None:
    rows = ["a,1,5,0.1", "b,2,6,<0.1", "c,3,7,0.2", "d,4,9,0.1"]
    with new_study(join_rows("id,temp_c,capacity,sd", rows)) as found:
        assert "an error is a number of 0 or more" in found.list_faults()[3]


def test_fractions_under_a_header_of_percents_are_asked_about() -> None:
    rows = [f"S{i},{700 + 50 * i},{0.9 + i / 50}" for i in range(4)]
    with new_study(join_rows("id,temp_c,retention (%)", rows)) as found:
        table = found.load_rows().rows
        [objective] = found.study.objectives
        said = describe_fractions(table, objective)
        assert "all values are at most 0.96 percent: are they fractions?" in said
        converted = found.load_rows(units={"retention_percent": "1"}).rows["retention_percent"]
        assert converted.tolist() == pytest.approx([90, 92, 94, 96]), "as the advice says"
        assert not describe_fractions(table.assign(retention_percent=91.0), objective)
        small = objective.model_copy(update={"name": "retention_percent", "label": "Dopant"})
        assert not describe_fractions(table.rename(columns={"retention_percent": "dopant"}), small)


def test_columns_in_two_units_are_no_mixture() -> None:
    """Loadings and efficiencies that happen to add up to 100."""
    rows = [f"S{i},{1 + i / 2},{98.9 - i / 2:.1f},{i * i}" for i in range(6)]
    with new_study(join_rows("id,loading_mg_cm2,porosity (%),capacity", rows)) as found:
        assert found.study.simplex is None
    with new_study(join_rows("id,salt (wt%),solvent (wt%),capacity", rows)) as found:
        assert found.study.simplex is not None


@pytest.mark.parametrize(
    ("header", "cells", "unit", "values"),
    [
        ("rate", ["C/10", "C/5", "1C", "2C"], "C-rate", [0.1, 0.2, 1, 2]),
        ("charge rate", ["0.1C", "1C", "0.5C", "2C"], "C-rate", [0.1, 1, 0.5, 2]),
        ("rate (C)", ["C/20", "0.5", "1", "2C/3"], "C-rate", [0.05, 0.5, 1, 2 / 3]),
        ("charge temperature", ["25C", "45C", "10C", "0C"], "°C", [25, 45, 10, 0]),
        ("hold", ["25 C", "45 °C", "298.15 K", "0C"], "°C", [25, 45, 25, 0]),
    ],
)
def test_c_is_a_rate_or_a_temperature(header: str, cells: list[str], unit: str, values: list[float]) -> None:
    rows = [f"S{i},{cell},{150 + i % 3}" for i, cell in enumerate(cells)]
    with new_study(join_rows(f"id,{header},capacity", rows)) as found:
        [feature] = found.study.features
        assert feature.unit == unit
        assert found.load_rows().rows[feature.name].tolist() == pytest.approx(values)
