"""Dropped tables, and what is guessed of them: refused in the words of the page, nothing dropped in silence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from notebook_cells import make_project
from own_study import TABLE

from batterymi.config.load import load_study
from batterymi.data.cells import POINT, Decimal
from batterymi.errors import ConfigError, TableError
from batterymi.notebook.results import read_result

pytest.importorskip("starlette", reason="the extra `app` is not installed")
pytest.importorskip("python_multipart", reason="the extra `app` is not installed")
from app_client import Client, write_study

from batterymi.app.entries import read_entry
from batterymi.app.words import use_page_words

COMMAS = TABLE.replace(",", ";").replace("700;", "700,5;")
COMMA = Decimal(",", is_sure=False)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The app of an empty project, in which this process works."""
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("batterymi.app.jobs.Jobs.prepare", lambda jobs, study: None)
    return Client(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo__csv", b"\x89PNG\r\n\x1a\n\x00\xff\x00"),
        ("fake__xlsx", b"PK no workbook"),
        ("fake__parquet", b"PAR1 no"),
        ("notes__txt", b"one line"),
        ("ragged__csv", b"a,b\n1,2\n1,2,3,4\n5,6\n"),
        ("photo__png", b"\x89PNG"),
    ],
)
def test_what_cannot_be_read_is_not_kept(client: Client, name: str, content: bytes) -> None:
    page = client.drop(**{name: content})
    assert page.status == 422
    assert "That did not work" in page.text
    assert not [*Path("data").glob("*")][1:]
    assert "Tables without a study" not in client.get().text


def test_two_tables_and_a_large_one_are_refused_on_a_page(client: Client) -> None:
    two = client.drop(a__csv=TABLE.encode(), b__csv=TABLE.encode())
    assert two.status == 422
    assert "2 files were dropped; drop one table at a time" in two.text
    large = client.post("tables", {}, length=60_000_000)
    assert large.status == 413
    assert "More than 50 MB" in large.text
    many = client.drop(**{f"f{n}__csv": b"a" for n in range(1001)})
    assert many.status == 400
    for page in (two, large, many):
        assert 'href="/secret/"' in page.html
    assert [path.name for path in Path("data").iterdir()] == ["textbook"]


def test_lines_above_the_header_do_not_hide_the_columns(client: Client) -> None:
    sent = client.drop(runs__csv=f"Runs of May\n\n{TABLE}".encode())
    page = client.get("new", table="data/runs.csv")
    assert sent.status == 303
    assert 'name="role-3"' in page.html
    assert "There can be no study" not in page.text


@pytest.mark.parametrize("role", ["id", "repeats"])
def test_a_role_of_which_there_is_one_is_not_dropped_in_silence(client: Client, role: str) -> None:
    Path("data/my.csv").write_text(TABLE.replace(",,", ",x,"), encoding="utf-8")
    page = client.get("new", table="data/my.csv", **{"role-1": role, "role-2": role})
    assert "gas and suggestion: only one column" in page.text
    one = client.get("new", table="data/my.csv", **{"role-1": role})
    assert "only one column" not in one.text


def test_a_value_to_hit_is_waited_for(client: Client) -> None:
    Path("data/my.csv").write_text(TABLE, encoding="utf-8")
    chosen = {"table": "data/my.csv", "name": "mine", "goal-3": "target"}
    page = client.get("new", **chosen)
    assert 'role="alert"' not in page.html
    assert "capacity_mah_g: type the value to hit" in page.text
    assert client.post("new", chosen).status == 422
    assert not Path("config/studies/mine.yaml").exists()
    for typed, said in (("x", "capacity_mah_g: Target: found 'x'; give a number"), ("5:2", "5 is not below 2")):
        wrong = client.get("new", **chosen, **{"target-3": typed})
        assert said in wrong.text
        assert "--" not in wrong.text
    assert client.post("new", chosen | {"target-3": "140 to 142.5"}).status == 303
    assert load_study(Path("config/studies/mine.yaml")).objectives[0].target == (140, 142.5)


def test_decimals_are_those_of_the_table(client: Client) -> None:
    Path("data/my.csv").write_text(COMMAS, encoding="utf-8")
    chosen = {"table": "data/my.csv", "name": "mine", "goal-3": "target", "target-3": "140,5:142,5"}
    assert client.post("new", chosen).status == 303
    file = Path("config/studies/mine.yaml")
    assert load_study(file).objectives[0].target == (140.5, 142.5)
    fields = client.get("studies/mine").read_forms() | {"features-temperature_c-low": "690,5"}
    assert client.post("studies/mine/settings", fields).status == 303
    assert load_study(file).features[0].bounds == (690.5, 840)
    write_study("points")
    page = client.get("studies/points")
    answer = client.post("studies/points/settings", page.read_forms() | {"features-temperature_c-low": "690,5"})
    assert "Temperature: From: found '690,5'; write the decimal point: 690.5" in answer.text


@pytest.mark.parametrize(
    ("text", "decimal", "found"),
    [
        ("171,3", COMMA, 171.3),
        ("171.3", COMMA, 171.3),
        ("0,19 Ah/g", COMMA, 190.0),
        ("−3,5", COMMA, -3.5),
        ("1.234", COMMA, "write 1,234 or 1234"),
        ("1.234,5", COMMA, "without separators of thousands"),
        ("3.4 ± 0.2", COMMA, "3,4 ± 0,2"),  # points would make the other cells mean something else
        ("< 2,5", COMMA, "< 2,5"),
        ("171,3", POINT, "write the decimal point: 171.3"),
        ("0,19 Ah/g", POINT, "write the decimal point: 0.19"),
        ("3,4 ± 0,2", POINT, "write the decimal point: 3.4"),
        ("< 2,5", POINT, "write the decimal point: 2.5"),
        ("1,234", POINT, "write 1.234 or 1234"),
        ("1.234", POINT, 1.234),
        ("3.4 ± 0.2", POINT, "3.4 ± 0.2"),
    ],
)
def test_results_are_read_as_the_table_is(text: str, decimal: Decimal, found: str | float) -> None:
    if (isinstance(found, str) and "write" in found) or "separators" in str(found):
        with pytest.raises(TableError, match=re.escape(str(found))):
            read_result("b1-01", text, "mAh/g", "mAh/g", decimal)
    else:
        assert read_result("b1-01", text, "mAh/g", "mAh/g", decimal) == found


@pytest.mark.parametrize("text", ["1.234", "inf", "nan", "1,2,3", "", "12 V"])
def test_a_number_with_two_readings_or_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="From: found"):
        read_entry(text, ",", "From")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE.replace("O2", "<script>x</script>"), "data/my.csv: line 3: gas: '<script'"),
        (TABLE.replace("gas", "ga\x07s"), "data/my.csv: header of column 2: the control character"),
        (TABLE.replace("O2", "O\u202e2"), "data/my.csv: line 3: gas: the control character"),
        (TABLE.replace("capacity_mah_g", "capa\x07city (mAh/g)"), "data/my.csv: header of column 4"),
    ],
)
def test_texts_that_settings_cannot_hold_are_named_by_their_place_in_the_table(
    client: Client, table: str, said: str
) -> None:
    Path("data/my.csv").write_text(table, encoding="utf-8")
    page = client.get("new", table="data/my.csv")
    assert said in page.text
    assert "YAML" not in page.text


def test_no_option_of_the_command_line_is_on_a_page() -> None:
    found = []
    for path in sorted((ROOT / "src/batterymi/authoring").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # parts of a message that is put together come one after the other
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                found.append(node.value)
    options = [text for text in found if re.search(r"--[a-z]", text) and "`--" not in text]
    assert len(options) > 20
    assert [said for text in options if re.search(r"--[a-z]", said := use_page_words(text))] == []


def test_what_a_column_is_taken_for_is_said_in_words_of_the_page(client: Client) -> None:
    frame = pd.DataFrame({"run": range(1, 9), "x": [1.5, 2, 3, 4, 1, 2, 3, 4], "y": range(2, 18, 2), "z": 7})
    Path("data/my.csv").write_text(frame.to_csv(index=False), encoding="utf-8")
    for chosen in ({}, {"role-0": "id"}, {"role-1": "ignored"}, {"role-3": "factor"}, {"role-0": "objective"}):
        page = client.get("new", table="data/my.csv", **chosen)
        assert "--" not in page.text
        assert ("as you chose" in page.text) == (chosen not in ({}, {"role-3": "factor"}))
