"""Tables and settings that are wrong: the page of a study says so in a line, whatever it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_cells import make_project
from own_study import TABLE

pytest.importorskip("starlette", reason="the extra `app` is not installed")
pytest.importorskip("python_multipart", reason="the extra `app` is not installed")
from app_client import Client, write_study

HEADER, *ROWS = TABLE.splitlines()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The app of an empty project, in which this process works."""
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("batterymi.app.jobs.Jobs.prepare", lambda jobs, study: None)
    return Client(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "data/my.csv"),
        (TABLE.replace("capacity_mah_g", "capacity"), "capacity_mah_g"),
        (HEADER, "no row"),
        ("", "empty"),
        ("\x00\xff\x00\x00PNG" * 9, "data/my.csv"),
        (TABLE + "700,air\n", "line 10 has 2 cells"),
        (TABLE.replace("gas", "temperature_c"), "temperature_c"),
        (f"{HEADER}\n{ROWS[0]}\n", "data/my.csv"),
        ("\n".join([HEADER, *(row.rpartition(",")[0] + "," for row in ROWS)]), "data/my.csv"),
        (TABLE.replace("capacity_mah_g", "capacity_mah_g (V)"), "data/my.csv"),
    ],
    ids=["gone", "renamed", "header", "empty", "binary", "ragged", "doubled", "one-row", "no-results", "unit"],
)
def test_a_table_that_cannot_be_used_is_named_on_the_page(client: Client, content: str | None, said: str) -> None:
    write_study("my", content)
    page = client.get("studies/my")
    assert page.status == 200
    assert said in page.text
    assert ("Correct these cells" in page.html) == ('name="cell-' in page.html)
    assert "&lt;NA&gt;" not in page.html
    # other pages still come, and the page's forms refuse in a line too
    assert client.get().status == 200
    for action in ("results", "cells", "settings", "batch"):
        assert client.post(f"studies/my/{action}", page.read_forms() | {"result-b1-01-0": "1"}).status in (303, 409)
