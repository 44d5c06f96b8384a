"""The app in the browser: the files of the command line, nothing lost or overwritten, and no text of a user's runs."""

import asyncio
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from browser import visit
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from notebook_cells import make_project
from own_study import STUDY, TABLE

from batterymi.cli.main import main
from batterymi.config.load import load_study
from batterymi.config.study import Study
from batterymi.errors import ConfigError, TableError

pytest.importorskip("starlette", reason="the extra `app` is not installed")
pytest.importorskip("python_multipart", reason="the extra `app` is not installed")
from batterymi.app.actions import read_results
from batterymi.app.draft import propose_study
from batterymi.app.guard import Guard
from batterymi.app.settings_form import change_settings
from batterymi.app.tables import clean_name, keep_table, name_sheets
from batterymi.workflow.settings import read_config

pytestmark = pytest.mark.xdist_group("browser")
HIT = '<img src=x onerror="window.hit=1">'
HOSTILE = TABLE.replace("O2", f'"{HIT.replace(chr(34), chr(34) * 2)}"').replace("gas", "gas <b>bold</b> {{7*7}}")
# two quick models, so that tests wait for the app and not for forests
QUICK = "overrides: {all: {surrogate: {models: [dummy, ridge], permutations: 19, bootstraps: 100}}}"
MOST_CLICKS = 15


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which this process works."""
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A project and the address of its app."""
    folder = tmp_path_factory.mktemp("served")
    make_project(folder)
    config = folder / "config/config.yaml"
    config.write_text(re.sub(r"(?m)^overrides:.*", QUICK, config.read_text(encoding="utf-8")), encoding="utf-8")
    command = [sys.executable, "-m", "batterymi.cli", "app"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().removeprefix("Open ").strip()
        yield folder, address
        process.terminate()


class Clicks:
    """A window in which clicks are counted."""

    def __init__(self, page: Any) -> None:
        """Begin at none."""
        self.page, self.count = page, 0

    def press(self, button: str) -> None:
        self.count += 1
        self.page.get_by_role("button", name=button, exact=True).click()


def drop_table(page: Any, name: str, content: str) -> None:
    """Drop a table onto the first page, as a mouse does."""
    data = page.evaluate_handle(
        "([name, text]) => { const data = new DataTransfer(); data.items.add(new File([text], name)); return data; }",
        [name, content],
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    page.wait_for_url("**/new?*")


def check_places(page: Any) -> None:
    """Check that fields are on the screen, and that no part of a figure lies over another or over texts."""
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 900})
        field = page.locator("#suggestions tbody input").first.bounding_box()
        assert 0 < field["x"] < field["x"] + field["width"] < width
        chart = page.locator(".chart").first
        chart.hover()
        page.wait_for_function(
            "([place, width]) => place.querySelector('.main-svg').clientWidth <= width",
            arg=[chart.element_handle(), width],
        )
        outer, drawn, tools, legend = (
            found.bounding_box()
            for found in (
                chart,
                *(chart.locator(part).first for part in (".main-svg", ".modebar-container .modebar", ".legend")),
            )
        )
        assert drawn["y"] + drawn["height"] <= outer["y"] + outer["height"] + 1
        assert tools["y"] + tools["height"] <= legend["y"] + 4
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_hostile_table_becomes_two_batches_in_a_few_clicks(served: tuple[Path, str], browser: Any) -> None:
    folder, address = served
    opened = visit(browser, address)
    page, clicks = opened.page, Clicks(opened.page)
    drop_table(page, f"../../{HIT}.csv", HOSTILE)
    (table,) = folder.joinpath("data").glob("*.csv")
    assert re.fullmatch(r"[a-z0-9_]+\.csv", table.name)
    assert table.read_text(encoding="utf-8") == HOSTILE
    page.locator("[name=name]").fill("mine")
    clicks.press("Start the study")
    clicks.press("Suggest the next batch")
    page.locator("#suggestions").wait_for()
    rows = page.locator("#suggestions tbody tr")
    assert rows.count() == 5
    assert re.search(r"\d \[[\d.]+, [\d.]+\]", rows.first.inner_text())
    page.locator(".chart").first.scroll_into_view_if_needed()
    page.locator(".chart[data-drawn]").first.wait_for()
    check_places(page)
    with page.expect_download() as download:
        clicks.count += 1
        page.get_by_role("link", name="Download the batch as CSV").click()
    made = folder / ".batterymi/studies/mine/campaign/suggestions.csv"
    assert Path(download.value.path()).read_bytes() == made.read_bytes()
    assert download.value.suggested_filename == "mine_b1.csv"
    values = ("141.5", "failed", "0.14 Ah/g")
    for place, value in enumerate(values):
        rows.nth(place).locator("input").fill(value)
    clicks.press("Enter results")
    said = page.locator("p.answer.good").inner_text()
    assert said.startswith(f"3 results were written to data/{table.name}, lines 10, 11, 12")
    with table.open(encoding="utf-8", newline="") as stream:
        added = list(csv.reader(stream))[9:]
    assert [(row[2], row[3]) for row in added] == [("b1-01", "141.5"), ("b1-02", "failed"), ("b1-03", "140")]
    page.reload()
    assert page.locator("p.answer.good").count() == 0
    assert page.locator("#suggestions tbody input").count() == 2, "two designs wait for results"
    clicks.press("Suggest again")
    page.get_by_text("b2-01", exact=True).wait_for()
    assert clicks.count + 1 <= MOST_CLICKS  # dropping is one more
    ledger = (folder / "campaigns/mine.jsonl").read_text(encoding="utf-8")
    assert len([line for line in ledger.splitlines() if line]) >= 2
    page.locator(".brand a").click()
    page.get_by_role("link", name="mine").or_(page.locator("a[href$='studies/mine']")).first.click()
    page.get_by_text("b2-01", exact=True).wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img, b:text-is('bold')").count() == 0
    assert "49" not in page.locator("#settings").inner_text()
    assert opened.messages == []
    assert {url.partition("?")[0][: len(address)] for url in opened.requests if not url.startswith("data:")} == {
        address
    }


def test_a_window_that_is_out_of_date_writes_nothing_and_says_so(served: tuple[Path, str], browser: Any) -> None:
    folder, address = served
    study = STUDY.replace(", pool: data/not_there.csv", "").replace("data/my.csv", "data/two.csv")
    (folder / "config/studies/two.yaml").write_text(study, encoding="utf-8")
    (folder / "data/two.csv").write_text(TABLE, encoding="utf-8")
    first, second = (visit(browser, f"{address}studies/two").page for _ in range(2))
    Clicks(first).press("Suggest the next batch")
    first.locator("#suggestions").wait_for()
    second.reload()
    for page, value in ((first, "150"), (second, "160")):
        page.locator("#suggestions input").first.fill(value)
    Clicks(first).press("Enter results")
    first.locator("p.answer.good").wait_for()
    after = (folder / "data/two.csv").read_text(encoding="utf-8")
    Clicks(second).press("Enter results")
    said = second.locator(".answer.bad").inner_text()
    assert said.startswith("data/two.csv was changed since this page was made; nothing was written")
    assert "\n" not in said.strip()
    assert (folder / "data/two.csv").read_text(encoding="utf-8") == after
    assert ",150" in after
    assert ",160" not in after
    second.locator("#settings [name=features-temperature_c-high]").fill("850")
    second.locator("#suggestions input").first.fill("161")
    Clicks(second).press("Save settings")
    second.locator("p.answer.good").wait_for()
    assert second.locator("#suggestions input").first.input_value() == "161", "typed in another form of the page"
    assert (folder / "config/studies/two.yaml").read_text(encoding="utf-8") == study.replace("650, 900", "650, 850")
    first.locator("#settings [name=features-temperature_c-high]").fill("880")
    Clicks(first).press("Save settings")
    assert "two.yaml was changed since" in first.locator(".answer.bad").inner_text()


def test_cells_at_fault_are_named_by_row_and_column_and_corrected(served: tuple[Path, str], browser: Any) -> None:
    folder, address = served
    study = STUDY.replace(", pool: data/not_there.csv", "").replace("data/my.csv", "data/bad.csv")
    (folder / "config/studies/bad.yaml").write_text(study, encoding="utf-8")
    (folder / "data/bad.csv").write_text(TABLE.replace("700,air,,140", "hot,air,,140"), encoding="utf-8")
    opened = visit(browser, f"{address}studies/bad", viewport={"width": 400, "height": 800})
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    row = page.locator("#problems tbody tr").first
    assert row.locator("td").all_inner_texts()[:3] == ["data/bad.csv", "2", "temperature_c"]
    assert page.get_by_role("button", name="Suggest the next batch").count() == 0
    row.locator("input:not([type=hidden])").fill("700")
    Clicks(page).press("Correct these cells")
    page.locator("p.answer.good").wait_for()
    assert (folder / "data/bad.csv").read_text(encoding="utf-8") == TABLE
    assert "hot" in (folder / "data/bad.csv.bak").read_text(encoding="utf-8")
    page.goto(f"{address}studies/none_such")
    assert page.locator(".answer.bad").inner_text() == "'none_such' is not a study of this project"
    assert "Traceback" not in page.content()


def send(method: str = "GET", path: str = "/secret/", **headers: str) -> int:
    """Send a request to a guarded application that accepts everything; return the status."""
    sent: list[dict[str, Any]] = []

    async def accept(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    given = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in given.items()],
    }
    guard = Guard(accept, "secret", 8000)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    # the browser's driver keeps a loop of its own in this thread
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(guard(scope, receive, keep))).result()  # type: ignore[arg-type, return-value]
    names = {name.decode() for name, _ in sent[0]["headers"]}
    assert {"content-security-policy", "x-content-type-options", "cache-control"} <= names
    return int(sent[0]["status"])


OWN = {"origin": "http://127.0.0.1:8000", "content_length": "9"}


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (200, {}),
        (200, {"host": "localhost:8000"}),
        (421, {"host": "attacker.example:8000"}),
        (421, {"host": "127.0.0.1:8001"}),
        (403, {"path": "/"}),
        (403, {"path": "/secre/"}),
        (403, {"path": "/sécret/"}),
        (200, {"method": "POST", **OWN}),
        (403, {"method": "POST", "content_length": "9"}),
        (403, {"method": "POST", **OWN, "origin": "null"}),
        (403, {"method": "POST", **OWN, "origin": "http://127.0.0.1:8001"}),
        (403, {"method": "POST", **OWN, "origin": "http://attacker.example:8000"}),
        (403, {"method": "PUT", **OWN}),
        (411, {"method": "POST", "origin": OWN["origin"]}),
        (413, {"method": "POST", **OWN, "content_length": "50000001"}),
    ],
)
def test_only_the_apps_own_pages_reach_it(status: int, request_: dict[str, str]) -> None:
    assert send(**request_) == status


@given(st.text(max_size=300), st.sampled_from([".csv", ".XLSX", ".exe", ""]))
def test_names_of_dropped_tables_are_plain(stem: str, suffix: str) -> None:
    try:
        name = clean_name(stem + suffix)
    except TableError as error:
        assert suffix not in (".csv", ".XLSX")
        assert "drop a file that ends with" in str(error)  # noqa: PT017
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,70}\.(csv|tsv|txt|xlsx|xlsm|ods|xls|parquet)", name)


def test_a_dropped_table_replaces_none(project: Path) -> None:
    one, two = b"x,y\n1,2\n", b"x,y\n3,4\n"
    first, again, other = keep_table("a.csv", one), keep_table("A.csv", one), keep_table("a.csv", two)
    assert [str(path) for path in (first, again, other)] == ["data/a.csv", "data/a.csv", "data/a_2.csv"]
    assert first.read_bytes() == one
    with pytest.raises(TableError, match="is empty"):
        keep_table("a.csv", b"")


def test_what_is_chosen_makes_the_study_that_the_command_makes(project: Path) -> None:
    Path("data/my.csv").write_text(TABLE, encoding="utf-8")
    chosen = {"role-1": "ignored", "goal-3": "target", "target-3": "142", "name": "mine", "role-0": "nonsense"}
    found = propose_study(Path("data/my.csv"), read_config(), chosen)
    assert found.problem == ""
    options = ["--ignore", "gas", "--objective", "capacity_mah_g:target:142"]
    assert main(["new-study", "data/my.csv", "--name", "mine", *options]) == 0
    assert found.settings == Path("config/studies/mine.yaml").read_text(encoding="utf-8")
    assert propose_study(Path("data/my.csv"), read_config(), {}).name == "my"
    wrong = propose_study(Path("data/my.csv"), read_config(), {"role-3": "ignored", "role-0": "factor"})
    assert "an objective" in wrong.problem
    assert [column.header for column in wrong.columns] == ["temperature_c", "gas", "suggestion", "capacity_mah_g"]


def test_a_sheet_is_kept_as_a_table_that_reads_the_same(project: Path) -> None:
    from batterymi.app.tables import keep_sheet

    frame = pd.DataFrame([row.split(",") for row in TABLE.splitlines()[1:]], columns=TABLE.splitlines()[0].split(","))
    with pd.ExcelWriter("data/book.xlsx") as book:
        frame.astype({"temperature_c": int, "capacity_mah_g": int}).to_excel(book, sheet_name="runs", index=False)
        pd.DataFrame({"note": ["a"]}).to_excel(book, sheet_name="notes <b>", index=False)
    assert name_sheets(Path("data/book.xlsx")) == ["runs", "notes <b>"]
    with pytest.raises(TableError, match="which sheet"):
        keep_sheet(Path("data/book.xlsx"), None)
    kept = keep_sheet(Path("data/book.xlsx"), "runs")
    assert kept.read_text(encoding="utf-8") == TABLE
    Path("data/no.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(TableError, match="not a workbook"):
        name_sheets(Path("data/no.xlsx"))


def test_settings_change_only_where_a_field_was_changed(project: Path) -> None:
    def accept(settings: Study) -> None:
        """Stand for a table that all settings fit."""

    file = Path("config/studies/my.yaml")
    text = f"# mine\n{STUDY.replace(', pool: data/not_there.csv', '')}"
    file.write_text(text, encoding="utf-8")
    assert not change_settings(file, text, {"features-temperature_c-low": "650", "other": "x"}, accept)
    given = {
        "features-temperature_c-step": "",
        "objectives-capacity_mah_g-goal": "target",
        "objectives-capacity_mah_g-target": "140 to 150.5",
    }
    assert change_settings(file, text, given | {"new_rule": "temperature_c <= 880", "suggestions": "4"}, accept)
    study, after = load_study(file), file.read_text(encoding="utf-8")
    assert (study.features[0].step, study.objectives[0].target, study.campaign.suggestions) == (None, (140, 150.5), 4)
    assert [rule.expression for rule in study.constraints] == ["temperature_c <= 880"]
    assert after.startswith("# mine\ntitle: Mine\n")
    assert change_settings(file, after, {"constraints-rule_1": ""}, accept)
    assert load_study(file).constraints == ()
    now = file.read_text(encoding="utf-8")
    for wrong, said in (
        ({"features-temperature_c-low": "warm"}, "Temperature: From: found 'warm'; give a number"),
        (
            {"features-temperature_c-low": "950"},
            "Temperature: From and To: the lower bound 950 is not below the upper bound 900$",
        ),
        ({"objectives-capacity_mah_g-unit": "mAhh/g"}, "mAhh/g"),
    ):
        with pytest.raises(ConfigError, match=f"(?m){said}"):
            change_settings(file, now, wrong, accept)
        assert file.read_text(encoding="utf-8") == now
    with pytest.raises(ConfigError, match="was changed since this page was made"):
        change_settings(file, text, {"features-temperature_c-low": "660"}, accept)


def test_rows_without_a_result_are_left_out_and_a_word_stands_for_the_experiment() -> None:
    given = {"result-b1-01-x": "3", "result-b1-01-y": "4", "result-b1-02-y": "failed", "result-b1-03-x": " ", "n": "5"}
    assert read_results(given, ["x", "y"]) == {"b1-01": {"x": "3", "y": "4"}, "b1-02": "failed"}
    assert read_results({"result-b1-01-x": "3", "result-b1-01-z": "3"}, ["x"]) == {"b1-01": "3"}


def test_the_command_says_what_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("batterymi.cli.app.find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert capsys.readouterr().err == "starlette is not installed: pip install 'batterymi[app]'\n"
    with pytest.raises(SystemExit):
        main(["app", "--port", "80"])
    assert "give a number from 1024 to 65535" in capsys.readouterr().err
    monkeypatch.chdir(project.parent)
    assert main(["app"]) == 1
    assert "run this command in the folder of a project" in capsys.readouterr().err


def test_figures_of_pages_are_drawn_by_the_script_of_the_report() -> None:
    templates = ROOT / "src/batterymi/reporting/templates"
    assert "function draw(" in (templates / "charts.js").read_text(encoding="utf-8")
    assert "function draw(" not in (templates / "report.js").read_text(encoding="utf-8")
