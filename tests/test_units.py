"""Units: those of the field in every usual spelling, those that pint knows, and their conversion."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.designs import read_designs
from batterymi.data.header_units import has_other_units
from batterymi.errors import TableError
from batterymi.stages.prepare_table import prepare_table
from batterymi.vocabulary.unit_table import (
    UNITS,
    UnitError,
    are_convertible,
    convert_units,
    find_header_unit,
    find_unit,
)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_of_the_table_is_its_own_spelling_and_pint_knows_it(name: str) -> None:
    assert find_unit(name) == name
    assert find_header_unit(name) == (None if name == "1" else name)
    assert convert_units(np.array([0.5, 2.0]), name, name).tolist() == [0.5, 2.0]
    assert are_convertible(name, name)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("mol/l", "mol/L"),
        ("mA/cm²", "mA/cm2"),
        ("mA cm-2", "mA/cm2"),
        ("mAh·g⁻¹", "mAh/g"),
        ("mg cm^-2", "mg/cm2"),
        ("ohm cm2", "Ω cm2"),
        ("μm", "µm"),
        ("Wh/L", "Wh/L"),
        ("at%", "at%"),
        ("MPa", "MPa"),
        ("s", "s"),
        ("%", "percent"),
        ("F/g", "F/g"),
        ("J/(g K)", "J/(g K)"),
        ("furlongs", "furlongs"),
        ("log10(mS/cm)", "log10(mS/cm)"),
        ("MV", "MV"),
    ],
)
def test_usual_spellings_and_what_pint_knows_are_taken(text: str, unit: str) -> None:
    assert find_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("percnt", "did you mean 'percent'?"),
        ("mAhg", "did you mean 'mAh/g'?"),
        ("ma/g", "did you mean 'mA/g'?"),
        ("log10(percnt)", "did you mean 'percent'?"),
        ("flux capacitors", "config/README.md lists those of the field"),
        ("", "is not a unit"),
        ("9" * 400, "is not a unit"),
        ("m**9**9**9", "is not a unit"),
        ("x" * 5000, "is not a unit"),
        ("()" * 15, "is not a unit"),
        ("e", "is not a unit"),
    ],
)
def test_what_is_not_a_unit_is_refused_with_a_suggestion(text: str, said: str) -> None:
    with pytest.raises(UnitError) as caught:
        find_unit(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("value", "found", "wanted", "expected"),
    [
        (5, "mA/cm2", "A/m2", 50),
        (12, "µm", "nm", 12_000),
        (25, "°C", "K", 298.15),
        (10, "°C/min", "K/min", 10),
        (5, "wt%", "1", 0.05),
        (1e-3, "S/cm", "log10(S/cm)", -3),
        (-3, "log10(S/cm)", "mS/cm", 1),
        (1, "mol/L", "mol/m3", 1000),
        (3, "mAh/g", "C/g", 10.8),
        (0.3, "ohm cm2", "ohm m2", 3e-5),
    ],
)
def test_conversions_have_known_values(value: float, found: str, wanted: str, expected: float) -> None:
    assert convert_units(np.array([value]), find_unit(found), find_unit(wanted))[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("one", "other"), [("at%", "wt%"), ("°", "percent"), ("C-rate", "1"), ("cycles", "1"), ("rpm", "Hz"), ("V", "eV")]
)
def test_what_measures_something_else_is_not_converted(one: str, other: str) -> None:
    with pytest.raises(UnitError, match=f"{one} cannot be converted to {other}"):
        convert_units(np.ones(1), one, other)


PAIRS = [(one, other) for one in UNITS for other in UNITS if one != other and are_convertible(one, other)]


@given(pair=st.sampled_from(PAIRS), value=st.floats(1e-3, 1e3))
def test_a_conversion_there_and_back_changes_nothing(pair: tuple[str, str], value: float) -> None:
    one, other = pair
    value = np.log10(value) if one.startswith("log10") else value
    there = convert_units(np.array([value]), one, other)
    back = convert_units(there, other, one)
    assert back[0] == pytest.approx(value, rel=1e-9, abs=1e-9)


def prepare(folder: Path, header: str, columns: dict[str, str] | None = None, unit: str = "nm") -> dict[str, Any]:
    """Prepare a table with a header; what stands in its report, and the values of the column."""
    lines = [header, "1,10", "2,20", "4,15", "8,5"]
    (folder / "x.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = TableSettings(
        path=str(folder / "x.csv"),
        dataset=None,
        table=Table(file="x.csv", columns=columns or {}),
        features=(Feature(name="thickness", label="Thickness", unit=unit),),
        objectives=(Objective(name="y", label="y", unit="mAh/g", goal="maximise"),),
        simplex=None,
        descriptors=(),
    )
    prepare_table(folder / "table.parquet", folder / "table.json", settings)
    report: dict[str, Any] = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    return report | {"values": pd.read_parquet(folder / "table.parquet")["thickness"].tolist()}


@pytest.mark.parametrize(
    ("header", "columns"),
    [("thickness [µm],y [mAh/g]", {}), ("thickness (μm),y", {}), ("Dicke (um),y", {"Dicke (um)": "thickness"})],
)
def test_a_column_in_another_unit_is_converted_and_the_report_says_so(
    header: str, columns: dict[str, str], tmp_path: Path
) -> None:
    found = prepare(tmp_path, header, columns)
    assert found["values"] == pytest.approx([1000, 2000, 4000, 8000])
    assert found["converted"] == [
        {"column": "thickness", "header": header.split(",")[0], "found": "µm", "wanted": "nm"}
    ]


@pytest.mark.parametrize("header", ["thickness [nm],y", "thickness,y [mAh g-1]", "thickness [as measured],y"])
def test_a_column_in_the_unit_of_the_study_stays(header: str, tmp_path: Path) -> None:
    found = prepare(tmp_path, header)
    assert found["values"] == [1, 2, 4, 8]
    assert found["converted"] == []


def test_a_column_of_another_kind_is_refused_with_file_column_and_units(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        prepare(tmp_path, "thickness [mg],y [V]")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    for part in ("x.csv", "'thickness [mg]' is in mg", "the study's 'thickness' in nm"):
        assert part in lines[0]


def test_what_has_no_logarithm_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("s [S/cm],y\n1e-3,1\n0,2\n1e-4,3\n1e-5,4\n", encoding="utf-8")
    with pytest.raises(TableError, match="line 3: thickness: found '0': no logarithm"):
        prepare_with(tmp_path / "x.csv", {"s [S/cm]": "thickness"}, "log10(S/cm)")


def prepare_with(path: Path, columns: dict[str, str], unit: str) -> None:
    """Prepare a table that is there."""
    settings = TableSettings(
        path=str(path),
        dataset=None,
        table=Table(file="x.csv", columns=columns),
        features=(Feature(name="thickness", label="Thickness", unit=unit),),
        objectives=(Objective(name="y", label="y", unit="1", goal="maximise"),),
        simplex=None,
        descriptors=(),
    )
    prepare_table(path.with_name("t.parquet"), path.with_name("t.json"), settings)


def test_lists_of_designs_are_converted_too(tmp_path: Path) -> None:
    (tmp_path / "pool.csv").write_text("thickness [µm]\n1\n2\n", encoding="utf-8")
    feature = Feature(name="thickness", label="Thickness", unit="nm", bounds=(0, 1e4))
    assert read_designs(tmp_path / "pool.csv", [feature])["thickness"].tolist() == pytest.approx([1000, 2000])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# remark [V]\nthickness [µm],y\n", True),
        ("thickness [nm];y\n", False),
        ("thickness,y\n", False),
        ("thickness [whatever],y\n", True),  # it may be a unit that pint knows, which is too slow to ask here
        ("", False),
    ],
)
def test_the_launcher_knows_from_the_header_whether_units_are_converted(
    text: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    columns = (Feature(name="thickness", label="Thickness", unit="nm"),)
    monkeypatch.chdir(tmp_path)
    assert has_other_units(Table(file="x.csv"), columns) is expected
    assert has_other_units(Table(file="none.csv"), columns) is False
    assert has_other_units(Table(file="x.xlsx"), columns), "its header is read by the job"
    assert has_other_units(Table(file="x.csv", units={"thickness": "µm"}), columns)
