"""What each column of a table is taken for, by its cells, its name and its unit."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tried_studies import UNLIMITED, join_rows, new_study

from batterymi.authoring.role import ERROR, FACTOR, FORMULA, GROUP, IDENTITY, OBJECTIVE, STATUS
from batterymi.errors import BatteryMIError, TableError

# roles


def test_small_tables_have_the_right_roles() -> None:
    for header, rows, expected in (
        (
            "sample,nmc,lfp,capacity_mah_g,retention_percent",
            ["S1,0.2,0.8,150,91", "S2,0.4,0.6,155,92", "S3,0.6,0.4,161,93", "S4,0.8,0.2,166,90"],
            [IDENTITY, FACTOR, FACTOR, OBJECTIVE, OBJECTIVE],
        ),
        (
            "row,formula_charge,formula_discharge,voltage",
            ["1,CoO2,LiCoO2,3.9", "2,FePO4,LiFePO4,3.4", "3,Mn2O4,LiMn2O4,4.0", "4,NiO2,LiNiO2,3.8"],
            [IDENTITY, FORMULA, FORMULA, OBJECTIVE],
        ),
        (
            "temp_c,time_h,yield",
            ["700,6,80%", "750,6,84%", "750,12,88%", "800,12,90%", "850,24,85%"],
            [FACTOR, FACTOR, OBJECTIVE],
        ),
        (
            "additive,temp_c,capacity_mah_g",
            ["none,25,150", "FEC,25,155", "VC,30,154", "none,30,149", "FEC,35,157"],
            [FACTOR, FACTOR, OBJECTIVE],
        ),
        (
            "material,temp_c,ea_ev",
            ["LATP,900,0.31", "LLZO,900,0.31", "LGPS,700,0.25", "LPSCl,550,0.28"],
            [IDENTITY, FACTOR, OBJECTIVE],
        ),
        (
            "sample,temp_c,time_h,capacity_mah_g",
            ["S01,700,6,80", "S02,700,6,80", "S03,750,6,83", "S04,750,9,85"],
            [IDENTITY, FACTOR, FACTOR, OBJECTIVE],
        ),
        (",a,b", ["0,1.5,2", "1,2.5,4", "2,3,3", "3,4,7"], [IDENTITY, FACTOR, OBJECTIVE]),
        ("Name,temp,time,Wh/kg,STD", [f"s{i},{700 + 9 * i},{i % 4},{250 + i},{i}" for i in range(1, 8)],
         [IDENTITY, FACTOR, FACTOR, OBJECTIVE, ERROR]),
        ("T (°C),rate (C),y", [f"{700 + 7 * i},{i % 3},{(i * 5) % 11}" for i in range(8)], [FACTOR, FACTOR, OBJECTIVE]),
        ("temp_c,state,capacity", ["700,done,5", "750,failed,", "760,planned,", "800,done,6", "820,ok,8"],
         [FACTOR, STATUS, OBJECTIVE]),
        ("cell,cycle_rate,capacity", [f"c{i % 3},{i},{150 - i * 1.3}" for i in range(12)], [GROUP, FACTOR, OBJECTIVE]),
    ):  # fmt: skip
        with new_study(join_rows(header, rows)) as found:
            assert list(found.roles.values()) == expected, header
            assert len(found.load_rows().rows) == len(rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["700,,150", ",6,152", "750,,155", ",12,151", "800,12,158"], "cells hold no number"),
        (["700,6,150", "700,6,150", "700,6,150"], "lacks a factor"),
        (["700,6,a", "750,7,b", "800,9,c"], "no number stands in 3 cells, as line 2: 'a'"),
    ],
)
def test_a_table_without_a_study_in_it_is_refused_with_reasons(rows: list[str], said: str) -> None:
    with pytest.raises(TableError) as caught, new_study(join_rows("temp_c,time_h,capacity_mah_g", rows)):
        pass
    assert said in str(caught.value) or "lacks an objective" in str(caught.value)
    assert "capacity_mah_g" in str(caught.value), "the roles are listed"


INSIDE = ["resource", "slot", "label", "blot", "plot", "slab", "runtime", "papers_used", "idle", "candid", "valid"]
INSIDE += ["nodes", "lotion", "labile", "allotment", "ideal", "errand", "stderrless"]


@pytest.mark.parametrize("word", INSIDE)
def test_words_inside_of_other_words_make_no_group_and_no_id(word: str) -> None:
    rows = [f"{1.5 + i % 4},{i % 3},{150 + i * 1.5}" for i in range(9)]
    with new_study(join_rows(f"{word},time_h,capacity_mah_g", rows)) as found:
        assert found.roles[word] == FACTOR
    rows = [f"{('a', 'b')[i % 2]},{i % 3},{150 + i * 1.5}" for i in range(9)]
    with new_study(join_rows(f"{word},time_h,capacity_mah_g", rows)) as found:
        assert found.roles[word] == FACTOR


@pytest.mark.parametrize(
    "header", ["id", "ID", "Sample ID", "sample", "CifID", "CID", "No.", '"#"', "row", "Nr", "uuid"]
)
@pytest.mark.parametrize("cell", ["{n}", "S{n}", "{n:03d}", "A-{n}"])
def test_names_of_rows_are_ids_whatever_they_look_like(header: str, cell: str) -> None:
    numbers = [17, 4, 23, 8, 42, 15, 16, 99]
    rows = [f"{cell.format(n=n)},{700 + 10 * (i % 5)},{150 + i * 1.5}" for i, n in enumerate(numbers)]
    with new_study(join_rows(f"{header},temp_c,capacity_mah_g", rows)) as found:
        assert found.roles[header.strip('"')] == IDENTITY


@pytest.mark.parametrize(
    "date",
    ["2026-03-{d:02d}", "{d:02d}.03.2026", "{d:02d}/03/2026", "{d} Mar 2026", "{d:02d}.03.26", "March {d}, 2026"],
)
def test_dates_are_never_factors(date: str) -> None:
    rows = [f'"{date.format(d=d)}",{700 + 10 * (d % 5)},{150 + d * 1.5}' for d in range(1, 10)]
    with new_study(join_rows("when,temp_c,capacity_mah_g", rows)) as found:
        assert list(found.roles.values()) == ["date", FACTOR, OBJECTIVE]


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        *(("Capacity (mAh/g)", "mAh/g"), ("Wh/kg", "Wh/kg"), ("sigma [S/cm]", "S/cm"), ("cycles to 80 %", "1")),
        *(("CE (%)", "percent"), ("retention_pct", "percent"), ("Kapazität [mAh/g]", "mAh/g"), ("cap", "1")),
        *(("discharge capacity after 100 cycles", "1"), ("ionic conductivity (mS cm-1)", "mS/cm"), ("Yield", "1")),
    ],
)
def test_outcomes_are_known_by_name_or_unit_wherever_they_stand(header: str, unit: str) -> None:
    rows = [f"{50 + i * 3.3:.1f},{700 + 10 * (i % 5)},{0.5 + i % 3}" for i in range(9)]
    with new_study(join_rows(f"{header},temp_c,loading (mg/cm2)", rows)) as found:
        assert list(found.roles.values()) == [OBJECTIVE, FACTOR, FACTOR]
        assert found.study.objectives[0].unit == unit


def test_a_table_that_holds_all_designs_of_its_grid_still_gets_suggestions() -> None:
    for header, rows in (
        ("temp_c,capacity_mah_g", ["750,158", "760,161", "770,163", "780,160", "790,159"]),
        ("nmc,lfp,capacity_mah_g", ["0.2,0.8,150", "0.4,0.6,155", "0.6,0.4,161", "0.8,0.2,166"]),
    ):
        with new_study(join_rows(header, rows)) as found:
            assert len(found.suggest(2)) == 2


@UNLIMITED
@given(text=st.text(st.characters(codec="utf-8"), max_size=300), suffix=st.sampled_from([".csv", ".xlsx", ".parquet"]))
def test_any_file_is_a_study_or_is_refused_in_words(text: str, suffix: str) -> None:
    # any other exception is a crash
    with contextlib.suppress(BatteryMIError), new_study(text, suffix=suffix):
        pass


# wide tables


def test_more_factors_than_rows_are_said_in_words() -> None:
    header = ",".join([*(f"x{i}" for i in range(40)), "capacity_mah_g"])
    rows = [",".join(str((i * (k + 3) * 7) % 23 + k / 8) for i in range(40)) + f",{150 + k * 1.3}" for k in range(12)]
    with new_study(join_rows(header, rows)) as found:
        assert any("cannot tell which of so many factors matter" in line for line in found.questions)
    with new_study(join_rows("x,y,capacity_mah_g", [f"{k},{k * k % 7},{150 + k * 1.3}" for k in range(12)])) as found:
        assert not any("so many factors" in line for line in found.questions)


@pytest.mark.filterwarnings("error")
def test_the_largest_and_the_smallest_numbers_span_decades_without_overflow() -> None:
    with new_study(join_rows("x,capacity_mah_g", [f"1e{300 - 100 * k},{150 + k}" for k in range(7)])) as found:
        assert found.study.features[0].is_logarithmic
