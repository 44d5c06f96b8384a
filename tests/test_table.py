"""Tables: files as people save them, and every kind of bad row."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from batterymi.config.slices.data import TableSettings
from batterymi.data.read_table import read_table
from batterymi.data.table import load_table
from batterymi.errors import TableError
from batterymi.stages.prepare_table import prepare_table

FEATURES = [
    {"name": "ni", "label": "Ni", "unit": "1", "bounds": [0, 1], "valid": [0, 1]},
    {"name": "co", "label": "Co", "unit": "1", "bounds": [0, 1], "valid": [0, 1]},
    {"name": "kind", "label": "Kind", "unit": "1", "choices": ["a", "b"]},
]
OBJECTIVES = [{"name": "y", "label": "y", "unit": "mAh/g", "goal": "maximise", "valid": [0, 1000]}]
HEADER = "ni,co,kind,y"
GOOD = [HEADER, "0.5,0.5,a,1", "0.6,0.4,b,2", "0.7,0.3,a,4", "0.8,0.2,b,3"]


def prepare(folder: Path, text: str | bytes, simplex: bool = True, **table: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    source = folder / "rows.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    settings = {
        "path": str(source),
        "dataset": None,
        "table": {"file": "rows.csv", **table},
        "features": FEATURES,
        "objectives": OBJECTIVES,
        "simplex": {"features": ["ni", "co"]} if simplex else None,
        "descriptors": [],
    }
    prepare_table(folder / "table.parquet", folder / "table.json", TableSettings.model_validate(settings))
    return pd.read_parquet(folder / "table.parquet"), json.loads((folder / "table.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(GOOD),
        "\r\n".join(GOOD),
        b"\xef\xbb\xbf" + "\n".join(GOOD).encode(),
        "\n".join(GOOD).encode("utf-16"),
        "\n".join(GOOD).replace(".", "X").replace(",", ";").replace("X", ","),
        "\n".join(GOOD).replace(",", "\t"),
        "# a remark\n\n" + "\n\n".join(GOOD) + "\n",
        "\n".join([HEADER, *(",".join(f'"{cell}"' for cell in row.split(",")) for row in GOOD[1:])]),
    ],
    ids=["plain", "crlf", "bom", "utf16", "semicolons", "tabs", "remarks", "quoted"],
)
def test_a_csv_is_read_alike_however_it_was_saved(text: str | bytes, tmp_path: Path) -> None:
    rows, report = prepare(tmp_path, text)
    assert rows["ni"].tolist() == [0.5, 0.6, 0.7, 0.8]
    assert rows["kind"].tolist() == ["a", "b", "a", "b"]
    assert (report["rows_in"], report["rows_out"], report["dropped"]) == (4, 4, [])


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("0.9,0.1,a,high", ["line 6", "y", "'high'", "not a number"]),
        ("0.9,0.1,a,", ["line 6", "y", "no value"]),
        ("nan,0.1,a,5", ["line 6", "ni", "no value"]),
        ("-,0.1,a,5", ["line 6", "ni", "no value"]),
        ("none,0.1,a,5", ["line 6", "ni", "'none'", "not a number"]),
        ("0.9,0.1,a,inf", ["line 6", "y", "not finite"]),
        ("-0.1,1.1,a,5", ["line 6", "ni", "-0.1", "outside the possible range 0 to 1"]),
        ("0.9,0.1,a,-5", ["line 6", "y", "-5", "outside the possible range 0 to 1000 mAh/g"]),
        ("0.9,0.1,c,5", ["line 6", "kind", "'c'", "not a choice"]),
        ("0.9,0.3,a,5", ["line 6", "1.2", "ni + co must add up to 1"]),
        ("0.6,0.4,b,2", ["line 6", "a copy of line 3", "duplicate row"]),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(row: str, wanted: list[str], tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        prepare(tmp_path, "\n".join([*GOOD, row]))
    for part in [str(tmp_path / "rows.csv"), *wanted, "nothing was written"]:
        assert part in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]


def test_bad_rows_are_dropped_on_request_each_with_its_reason(tmp_path: Path) -> None:
    text = "\n".join([*GOOD, "0.9,0.1,a,high", "0.9,0.3,a,5", "0.6,0.4,b,2"])
    rows, report = prepare(tmp_path, text, bad_rows="drop")
    assert len(rows) == 4
    assert [fault["line"] for fault in report["dropped"]] == [6, 7, 8]
    assert (report["rows_in"], report["rows_out"]) == (7, 4)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "the file is empty"),
        (HEADER, "there is a header but no row"),
        ("\n".join(GOOD[:2]), "1 row; cross-validation needs at least 3"),
        ("\n".join([HEADER, "0.5,0.5,a,1", "0.6,0.4,b,1", "0.7,0.3,a,1"]), "'y' is 1 in every row"),
        ("\n".join(["ni,co,kind,Y", *GOOD[1:]]), "the header lacks 'y'"),
        ("\n".join(["ni,co,ni,y", *GOOD[1:]]), "has the column 'ni' 2 times"),
        ("\n".join(["ni,co,,y", *GOOD[1:]]), "the header lacks 'kind'"),
        ("\n".join([*GOOD, "1,2"]), "line 6 has 2 cells, the header 4"),
        (b"\xff\xfe\x00", "line 1 is not utf-16-le text"),
        (b"ni,co\n\xe9,1\n", "the header lacks 'kind'"),
    ],
)
def test_a_table_that_teaches_nothing_is_refused(text: str | bytes, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=wanted):
        prepare(tmp_path, text)
    assert not (tmp_path / "table.parquet").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv: there is no such file"):
        read_table(tmp_path / "none.csv")


def test_a_remark_with_a_quotation_mark_swallows_no_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n"x",1\n# a remark, "of five inches\ny,2\n"two\n# lines",3\n')
    cells = read_table(path).frame
    assert cells["a"].tolist() == ["x", "y", "two\n# lines"]
    assert cells.index.tolist() == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('a,b\n"x",1\ny,"2\nz,3\n', "line 3: a quotation mark is opened and never closed"),
        ('a,b\n"' + "x" * 200_000 + '",1\n', "line 2 cannot be read: field larger than field limit"),
        ('""\n', "the file is empty"),
        (",".join(f"c{i}" for i in range(50_000)) + ",c7\n", "the header has the column 'c7' 2 times"),
    ],
    ids=["unclosed", "field", "blank", "wide"],
)
def test_quotation_marks_and_sizes_that_no_table_has_are_told(text: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(TableError, match=wanted):
        read_table(tmp_path / "rows.csv")


@pytest.mark.parametrize("line", ["#11,4.5,33", " #11,4.5,33"])
def test_a_line_that_may_be_a_row_or_a_comment_is_a_question(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"# measured, in Ulm\nsample,x,y\n#10 was lost\n9,1,2\n{line}\n")
    with pytest.raises(
        TableError, match=r"a\.csv: line 5: begins with # and has 3 cells, as the header has; if it is a row"
    ):
        read_table(path)
    path.write_text(path.read_text().replace(line, '"#11",4.5,33'))
    assert list(read_table(path).frame["sample"]) == ["9", "#11"]


def test_a_header_that_begins_with_a_number_sign_is_a_question_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("#,x,y\n1,2,3\n2,3,4\n")
    with pytest.raises(TableError, match=r"line 1: begins with # and has 3 cells"):
        read_table(path)


def test_a_line_feed_in_a_cell_begins_no_line_of_the_message(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('x,y\n1,2\n"9\nall is well",3\n4,5\n')
    study = settings_of(path)
    with pytest.raises(TableError) as caught:
        load_table(study)
    assert not [line for line in str(caught.value).splitlines() if line.startswith("all is well")]
    assert r"found '9\nall is well'" in str(caught.value)


def test_results_of_rows_that_wait_for_another_one_are_used(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y,z\n1,2,3\n2,3,4\n3,4,6\n4,50,pending\n5,failed,7\n6,,\n")
    loaded = load_table(settings_of(path, objectives=("y", "z"), empty="pending"))
    assert loaded.rows["split"].tolist() == ["train"] * 5 + ["pending"]
    assert (loaded.rows["y"].dropna().tolist(), loaded.rows["z"].dropna().tolist()) == ([2, 3, 4, 50], [3, 4, 6, 7])
    assert loaded.unused == []


def settings_of(path: Path, objectives: tuple[str, ...] = ("y",), **table: Any) -> TableSettings:
    """Settings of a table with one feature, x."""
    return TableSettings.model_validate(
        {
            "path": str(path),
            "dataset": None,
            "table": {"file": "a.csv", **table},
            "features": [{"name": "x", "label": "x", "unit": "1", "bounds": [0, 10]}],
            "objectives": [{"name": y, "label": y, "unit": "1", "goal": "maximise"} for y in objectives],
            "simplex": None,
            "descriptors": [],
        }
    )
