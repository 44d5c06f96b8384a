"""Rows as people have them: replicates, errors, results that are missing, failed and withdrawn rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Objective
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.row_status import find_states
from batterymi.data.schema import join_ranges
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import TableError
from batterymi.vocabulary.measured import name_error_column, name_missing_column


def load(
    folder: Path, text: str, features: tuple[str, ...] = ("t",), objectives: Any = ("y", "z"), **table: Any
) -> CheckedTable:
    """The rows of a file with these features and objectives."""
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    declared = [{"name": y} if isinstance(y, str) else y for y in objectives]
    return load_table(
        TableSettings.model_validate(
            {
                "path": str(path),
                "dataset": None,
                "table": {"file": "rows.csv", **table},
                "features": [{"name": x, "label": x, "unit": "1", "bounds": [0, 1000]} for x in features],
                "objectives": [{"label": "y", "unit": "1", "goal": "maximise", **y} for y in declared],
                "simplex": None,
                "descriptors": [],
            }
        )
    )


def column(loaded: CheckedTable, name: str) -> list[float | None]:
    """A column, None for what is missing."""
    cells = loaded.rows[name].astype(object)
    return [None if pd.isna(cell) else cell for cell in cells]


# replicates


SAMPLES = "sample,t,time,y\nS01,700,6,80\nS02,700,6,80\nS03,750,6,84\nS04,750,6,86\n"
MATERIALS = "material,t,y\nLATP,900,0.31\nLLZO,900,0.31\nLGPS,700,0.25\nLPSCl,550,0.28\n"


@pytest.mark.parametrize("text", [SAMPLES, MATERIALS], ids=["samples", "materials"])
def test_rows_of_other_samples_are_replicates_whatever_their_results(text: str, tmp_path: Path) -> None:
    loaded = load(tmp_path, text, objectives=("y",), id_column=text.split(",")[0])
    assert (len(loaded.rows), loaded.dropped) == (4, [])
    (said,) = loaded.list_notes()
    assert "1 row with the features and results of an earlier row but another name, taken as repeats" in said
    assert "(line 3 as line 2)" in said


def test_rows_that_wait_for_one_design_are_named(tmp_path: Path) -> None:
    waiting = "S05,800,6,pending\nS06,800,6,pending\nS07,800,6,pending\n"
    loaded = load(tmp_path, SAMPLES + waiting, objectives=("y",), id_column="sample")
    (said,) = [note for note in loaded.list_notes() if "waiting" in note]
    assert "2 rows waiting for the design of an earlier one" in said
    assert "(line 7 as line 6, line 8 as line 6)" in said


@pytest.mark.parametrize("id_column", [None, "sample"])
def test_a_copy_has_the_same_results_and_the_same_name_or_none(id_column: str | None, tmp_path: Path) -> None:
    text = SAMPLES.replace("S02", "S01")
    with pytest.raises(TableError, match=r"line 3: \(row\): found 'a copy of line 2'"):
        load(tmp_path, text, objectives=("y",), id_column=id_column)
    # other results make replicates, with a name or without
    loaded = load(tmp_path, text.replace("6,80\nS03", "6,81\nS03"), objectives=("y",), id_column=id_column)
    assert len(loaded.rows) == 4


def test_a_copy_with_a_gap_is_a_copy(tmp_path: Path) -> None:
    text = "t,y,z\n1,5,\n1,5,\n2,6,1\n3,7,2\n4,8,3\n"
    with pytest.raises(TableError, match=r"line 3: .*a copy of line 2"):
        load(tmp_path, text)


# results that are missing


def test_each_objective_learns_from_what_it_has(tmp_path: Path) -> None:
    rows = "750,158,\n760,161,pending\n770,165,failed\n780,failed,91\n790,pending,\n800,failed,failed\n"
    loaded = load(tmp_path, "t,y,z\n" + rows + "700,150,95\n710,152,94\n")
    assert column(loaded, "y") == [158, 161, 165, None, None, None, 150, 152]
    assert column(loaded, "z") == [None, None, None, 91, None, None, 95, 94]
    assert loaded.rows["split"].tolist() == ["train"] * 4 + ["pending", "failed", "train", "train"]
    assert column(loaded, name_missing_column("z"))[:4] == ["not measured", "pending", "failed", ""]
    assert column(loaded, name_missing_column("y"))[:4] == ["", "", "", "failed"]
    assert (loaded.dropped, loaded.unused) == ([], [])
    notes = "\n".join(loaded.list_notes())
    assert "y: 5 of 6 measured rows have it, from which its model learns; others: 1 failed" in notes
    assert "z: 3 of 6 measured rows have it, from which its model learns; others: 1 failed, 1 not measured" in notes


def test_an_empty_cell_is_under_way_where_the_study_says_so(tmp_path: Path) -> None:
    loaded = load(tmp_path, "t,y,z\n1,1,\n2,,\n3,2,3\n4,3,4\n5,4,6\n", empty="pending")
    assert column(loaded, name_missing_column("z")) == ["pending", "", "", "", ""]
    assert loaded.rows["split"].tolist()[:2] == ["train", "pending"]


def test_a_row_without_any_result_is_reported_once(tmp_path: Path) -> None:
    loaded = load(tmp_path, "t,y,z\n1,,\n2,1,1\n3,2,2\n4,3,4\n", bad_rows="drop")
    assert [(fault["line"], fault["column"], fault["reason"]) for fault in loaded.dropped] == [
        (2, "y", "no value; every row needs a number here")
    ]


def test_an_objective_with_two_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"column 'z' has 2 results; its model needs at least 3"):
        load(tmp_path, "t,y,z\n1,1,5\n2,2,pending\n3,3,6\n4,5,\n")


CELLS = st.sampled_from(["", "-", "5", "1e-3", "pending", "Planned", "failed", "pellet cracked", "n/a", "high"])
STATES = st.sampled_from(["", "pending", "RUNNING", "done", "ok", "failed", "broken", "withdrawn", "excluded", "?"])


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, STATES, st.sampled_from(["", "no", "x", "leaked in"])), min_size=1),
    empty=st.sampled_from(["bad", "pending"]),
)
def test_no_result_is_lost_without_a_word(rows: list[tuple[str, str, str, str]], empty: str) -> None:
    cells = pd.DataFrame(rows, columns=["y", "z", "state", "out"], index=range(2, len(rows) + 2))
    table = Table.model_validate({"file": "a.csv", "status": "state", "withdrawn": "out", "empty": empty})
    objectives = [Objective(name=name, label=name, unit="1", goal="maximise") for name in ("y", "z")]
    states = find_states(cells, table, objectives)
    told = {(entry["line"], entry["column"]) for entry in states.unused}
    assert {fault["line"] for fault in states.faults} == set(cells.index[cells["state"] == "?"])
    for line, row in cells.iterrows():
        split = states.splits[line]
        # what is not learned from says so itself, or is listed
        for name in ("y", "z"):
            is_number = row[name] in ("5", "1e-3")
            used = split == "train" and states.results.loc[line, name] == row[name]
            assert not is_number or used or (line, name) in told or split == "withdrawn"
            if split == "train" and not used and states.missing["y"][line] + states.missing["z"][line] == "":
                assert name == "z" or row[name] in ("", "-", "n/a")
        assert (split == "withdrawn") == (row["state"] in ("withdrawn", "excluded") or row["out"] in ("x", "leaked in"))
        assert split != "withdrawn" or {(line, "state"), (line, "out")} & told
        if row["state"] in ("failed", "broken") and split != "withdrawn":
            assert split == "failed"


# states and withdrawn rows


def test_a_column_of_states_counts_before_cells(tmp_path: Path) -> None:
    text = "t,y,state\n1,1,done\n2,2,\n3,3,OK\n4,4,Failed\n5,,in progress\n6,,broken\n7,9,excluded\n8,?,withdrawn\n"
    loaded = load(tmp_path, text, objectives=("y",), status="state")
    splits = ["train"] * 3 + ["failed", "pending", "failed", "withdrawn", "withdrawn"]
    assert loaded.rows["split"].tolist() == splits
    assert column(loaded, "y") == [1, 2, 3] + [None] * 5
    assert [(entry["line"], entry["column"], entry["found"]) for entry in loaded.unused] == [
        (5, "y", "4"),
        (8, "state", "excluded"),
        (9, "state", "withdrawn"),
    ]
    with pytest.raises(TableError, match=r"line 3: state: found 'dunno': not a known state; known are pending"):
        load(tmp_path, text.replace("2,2,", "2,2,dunno"), objectives=("y",), status="state")


def test_an_early_result_of_a_row_under_way_is_used(tmp_path: Path) -> None:
    text = "t,y,z,state\n1,1,2,\n2,2,3,\n3,3,5,done\n4,4,,running\n5,5,6,running\n"
    loaded = load(tmp_path, text, status="state")
    assert loaded.rows["split"].tolist() == ["train"] * 5
    assert column(loaded, name_missing_column("z"))[3] == "pending"
    assert any("line 6: state: says pending, but every result is there" in note for note in loaded.list_notes())


def test_withdrawn_rows_stay_whatever_they_hold(tmp_path: Path) -> None:
    text = "t,y,remark\n1,1,\n2,2,no\n3,3,\n4,99,leaked\nlost,cracked,x\n"
    loaded = load(tmp_path, text, objectives=("y",), withdrawn="remark")
    assert loaded.rows["split"].tolist() == ["train"] * 3 + ["withdrawn"] * 2
    assert [(entry["line"], entry["found"]) for entry in loaded.unused] == [(5, "leaked"), (6, "x")]
    assert "withdrawn; the row is kept, and not learned from" in loaded.list_notes()[0]


# errors


def errors(loaded: CheckedTable) -> list[float | None]:
    """The errors of y."""
    found = column(loaded, name_error_column("y"))
    return [None if error is None else round(error, 9) for error in found]


def with_error(**more: Any) -> tuple[dict[str, Any], ...]:
    """The objective y with a column of errors."""
    return ({"name": "y", "error": {"column": "sd", **more}},)


def test_errors_are_those_of_the_mean_of_each_row(tmp_path: Path) -> None:
    text = "t,y,sd,n\n1,10,0.6,9\n2,11,0.6,1\n3,12,0.6,\n4,13,,4\n5,14,-,4\n6,pending,0.6,4\n"
    assert errors(load(tmp_path, text, objectives=with_error(kind="sd", n="n")))[:5] == [0.2, 0.6, 0.6, None, None]
    assert errors(load(tmp_path, text, objectives=with_error(kind="sd", n=4)))[:3] == [0.3, 0.3, 0.3]
    assert errors(load(tmp_path, text, objectives=with_error(kind="sem")))[:3] == [0.6, 0.6, 0.6]


def test_an_error_of_0_is_unknown_unless_all_are(tmp_path: Path) -> None:
    text = "t,y,sd\n1,10,0.6\n2,11,0\n3,12,\n"
    loaded = load(tmp_path, text, objectives=with_error(kind="sd"))
    assert errors(loaded) == [0.6, None, None]
    assert "sd: 0 in 1 row (line 3), taken as an unknown error" in "\n".join(loaded.list_notes())
    exact = load(tmp_path, text.replace("0.6", "0"), objectives=with_error(kind="sd"))
    assert (errors(exact), exact.remarks) == ([0, 0, None], [])


def test_a_count_of_0_beside_an_unknown_error_is_unknown(tmp_path: Path) -> None:
    text = "t,y,sd,n\n1,10,0.6,4\n2,11,0,0\n3,12,,0\n4,13,0.2,\n5,14,0.4,4\n"
    assert errors(load(tmp_path, text, objectives=with_error(kind="sd", n="n"))) == [0.3, None, None, 0.2, 0.2]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("-0.5,3", r"line 3: sd: found '-0.5': an error is not negative"),
        ("much,3", r"line 3: sd: found 'much': not a number; an error is"),
        ("inf,3", r"line 3: sd: found 'inf': not a number"),
        ("0.5,0", r"line 3: n: found '0': a number of measurements is a whole number from 1 on"),
        ("0.5,2.5", r"line 3: n: found '2.5': a number of measurements"),
    ],
)
def test_what_is_no_error_is_refused_by_row(cell: str, said: str, tmp_path: Path) -> None:
    text = f"t,y,sd,n\n1,10,0.6,2\n2,11,{cell}\n3,12,0.1,2\n4,13,0.1,2\n"
    with pytest.raises(TableError, match=said):
        load(tmp_path, text, objectives=with_error(kind="sd", n="n"))
    assert len(load(tmp_path, text, objectives=with_error(kind="sd", n="n"), bad_rows="drop").rows) == 3


@pytest.mark.parametrize(
    ("header", "unit", "result", "error"),
    [
        ("y [Ah/kg],sd", "mAh/g", 10, 0.5),  # the error is in the unit of its objective
        ("y [mAh/g],sd [Ah/kg]", "mAh/g", 10, 0.5),
        ("y [K],sd", "°C", 10 - 273.15, 0.5),  # a difference has no offset
        ("y [V],sd [mV]", "V", 10, 0.5e-3),
        ("y [V],sd [mV]", "mV", 10e3, 0.5),
        ("y [V],sd", "mV", 10e3, 500),
    ],
)
def test_errors_are_converted_as_differences(
    header: str, unit: str, result: float, error: float, tmp_path: Path
) -> None:
    text = f"t,{header}\n1,10,0.5\n2,11,0.5\n3,12,0.5\n"
    objective = {"name": "y", "unit": unit, "error": {"column": "sd", "kind": "sd"}}
    loaded = load(tmp_path, text, objectives=(objective,))
    assert column(loaded, "y")[0] == pytest.approx(result)
    assert errors(loaded)[0] == pytest.approx(error, rel=1e-5)


def test_a_logarithm_has_the_relative_error(tmp_path: Path) -> None:
    objective = {"name": "y", "unit": "log10(S/cm)", "error": {"column": "sd", "kind": "sd"}}
    text = "t,y [S/cm],sd\n1,1e-4,1e-5\n2,1e-9,2e-10\n3,1e-3,1e-4\n"
    found = errors(load(tmp_path, text, objectives=(objective,)))
    np.testing.assert_allclose(np.array(found, float), np.array([0.1, 0.2, 0.1]) / np.log(10), rtol=1e-4)


# rows are counted


def test_a_row_with_two_bad_cells_is_one_row(tmp_path: Path) -> None:
    text = "t,y,z\n" + "".join(f"{i},{i},{2 * i}\n" for i in range(9)) + "x,high,low\n"
    loaded = load(tmp_path, text, bad_rows="drop")
    assert (loaded.n_in, len(loaded.rows), loaded.n_dropped, len(loaded.dropped)) == (10, 9, 1, 3)


def test_each_of_many_rows_is_listed(tmp_path: Path) -> None:
    text = "t,y\n" + "".join(f"{i},{i}\n" for i in range(9)) + "".join("1,bad\n" for _ in range(30)) + "11,1\n1,?\n"
    notes = load(tmp_path, text, objectives=("y",), bad_rows="drop").list_notes()
    assert len(notes) == 22
    reason = "not a number; write the number alone, or leave the cell empty where there is none"
    assert notes[-2].endswith(f"and line 31-40: y: {reason}, as 'bad'")
    assert notes[-1].endswith("and line 42: y: not a number; leave the cell empty where nothing is known, as '?'")


@given(st.lists(st.integers(1, 60), min_size=1))
def test_ranges_of_lines_say_all_of_them(numbers: list[int]) -> None:
    said: set[int] = set()
    for part in join_ranges(numbers).split(", "):
        low, _, high = part.partition("-")
        said |= set(range(int(low), int(high or low) + 1))
    assert said == set(numbers)
