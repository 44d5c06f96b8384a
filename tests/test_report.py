"""The report: its words and numbers are those of the summary, and no text of a study becomes markup or a script."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from browser import Visit, draw_all, visit
from conftest import ROOT, Workspace
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.datasets import Dataset
from batterymi.config.load import load_study, read_yaml
from batterymi.config.slices.reporting import ReportedStudy, ReportSettings
from batterymi.files import read_frame, read_json, write_csv, write_json, write_text
from batterymi.reporting.best_design import round_shown
from batterymi.reporting.pages import escape_script, link_if_safe
from batterymi.reporting.pointers import _follow_keys, _select_row
from batterymi.reporting.report_page import SOURCE_OF
from batterymi.reporting.report_tables import split_records
from batterymi.reporting.study_results import StudyResults, list_results
from batterymi.stages.build_report import build_report

TWO = ("ncm_cathodes", "sodium_ion")
pytestmark = pytest.mark.xdist_group("browser")
PAYLOADS = (
    "</script><script>window.hit = 1</script>",
    '<img src=x onerror="window.hit = 1">',
    "\"><svg onload='window.hit = 1'>",
    '<a href="javascript:window.hit = 1">x</a>',
    "<b>bold</b> {{ 7 * 7 }} %{x} &lt;i&gt;",
)
PAYLOAD = " ".join(PAYLOADS)
FIGURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="hit = 1"><script>hit = 1</script></svg>'


@given(st.dictionaries(st.text(), st.lists(st.none() | st.text())))
def test_json_within_a_script_ends_no_element_and_comes_back_as_it_was(content: Any) -> None:
    text = escape_script(json.dumps(content, ensure_ascii=False))
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == content


@given(st.lists(st.lists(st.text("a,\"\n;'é "), min_size=2, max_size=2), min_size=1))
def test_records_of_a_csv_file_are_copied_one_by_one(rows: list[list[str]]) -> None:
    lines = split_records("".join(f"{line}\n" for line in split_and_join(rows)))
    assert [next(csv.reader(line.splitlines(keepends=True))) for line in lines] == rows


def split_and_join(rows: list[list[str]]) -> list[str]:
    """Return rows as a CSV file has them."""
    return [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", " https://x.org", "", "file:///etc/passwd"])
def test_only_web_pages_are_linked(url: str) -> None:
    assert link_if_safe(url) == ""
    assert link_if_safe("https://example.org/a") == "https://example.org/a"


def test_thousands_are_written_out() -> None:
    assert [round_shown(value, 3) for value in (2391.4, 0.01234, -2e5, 3.2e7)] == [
        "2390",
        "0.0123",
        "-200000",
        "3.2e+07",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_every_number_of_the_summary_is_where_its_source_says(name: str, small_run: Workspace) -> None:
    found = 0
    for column, cell in read_json(small_run.folder / f"results/{name}/summary.json").items():
        file, _, key = cell["source"].partition("#")
        if not key:
            continue
        path = small_run.folder / file
        row, last = find_place(path, key)
        assert last in row, f"{column}: {cell['source']}"
        if isinstance(cell["value"], float) and column.startswith(
            ("q2", "mae", "p_value", "evaluations_saved", "final")
        ):
            assert row[last] == pytest.approx(cell["value"]), column
            found += 1
    assert found > 10


def find_place(path: Path, key: str) -> tuple[Any, str]:
    """Return what holds a number, and its key or column there."""
    if path.suffix == ".json":
        (place,) = _follow_keys(read_json(path), key)
        return place
    if ":" in key and "selected=True" not in key:
        (place,) = _select_row(pd.read_csv(path), key)
        return place
    return read_frame(path), key.rpartition(":")[2].partition("=")[0]


@pytest.fixture(scope="module")
def page(small_run: Workspace, browser: Any) -> Visit:
    """The report of two studies, with every figure drawn."""
    found = visit(browser, small_run.folder / "results/report.html")
    assert draw_all(found.page) >= 10
    return found


@pytest.mark.slow
def test_the_report_opens_from_disk_without_a_message_or_a_request(page: Visit, small_run: Workspace) -> None:
    assert page.messages == []
    assert {url.partition(":")[0] for url in page.requests} <= {"file", "blob", "data"}
    assert [url for url in page.requests if url.startswith("file")] == [
        (small_run.folder / "results/report.html").as_uri()
    ]
    path = small_run.folder / "results/report.html"
    assert path.stat().st_size < 5e6
    assert str(small_run.folder) not in path.read_text(encoding="utf-8")
    page.page.locator("html[data-images=shown]").wait_for()
    assert page.page.evaluate("[...document.images].filter((image) => image.naturalWidth === 0).length") == 0


@pytest.mark.slow
def test_each_number_of_a_card_is_in_the_summary(page: Visit, small_run: Workspace) -> None:
    summary = pd.read_csv(small_run.folder / "results/summary.csv", dtype=str, keep_default_na=False, index_col="study")
    shown = page.page.eval_on_selector_all(
        ".card a.n", "all => all.map((a) => [a.dataset.study, a.dataset.column, a.textContent])"
    )
    assert {study for study, _, _ in shown} == set(TWO)
    for study, column, text in shown:
        cell = summary.at[study, column]
        assert text == cell if column in (*SOURCE_OF, "rows") else text in cell, f"{study}.{column}"
    verdicts = page.page.eval_on_selector_all(".trust div:nth-child(2) b", "all => all.map((b) => b.textContent)")
    for study, verdict in zip(dict.fromkeys(study for study, _, _ in shown), verdicts, strict=True):
        assert summary.at[study, "gain_over_random"].lower().startswith(verdict.lower())


@pytest.mark.slow
def test_numbers_lead_to_their_file_key_log_and_command(page: Visit, small_run: Workspace) -> None:
    page.page.locator('.card a.n[data-study="sodium_ion"][data-column="score_text"]').click()
    panel = page.page.locator("#origin")
    panel.wait_for(state="visible")
    text, links = panel.inner_text(), panel.locator("a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert "variant=all_features,objective=capacity_mah_g,model=" in text
    assert "batterymi explain sodium_ion.q2" in text
    assert links == ["sodium_ion/surrogate/metrics.csv", "../logs/train_surrogate/sodium_ion.log"]
    assert all((small_run.folder / "results" / link).is_file() for link in links)
    page.page.keyboard.press("Escape")
    panel.wait_for(state="hidden")


@pytest.mark.slow
def test_every_link_to_a_file_finds_one(page: Visit, small_run: Workspace) -> None:
    links = page.page.eval_on_selector_all("a[href]", "all => all.map((a) => a.getAttribute('href'))")
    files = {link for link in links if not link.startswith(("#", "http"))}
    assert len(files) > 20
    assert {link for link in files if not (small_run.folder / "results" / link).is_file()} == set()
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert page.page.evaluate("names => names.filter((name) => !document.getElementById(name))", list(anchors)) == []


@pytest.mark.slow
def test_suggestions_are_sorted_by_keyboard_filtered_and_copied(page: Visit, small_run: Workspace) -> None:
    table = page.page.locator('[data-table="suggestions-sodium_ion"]')
    lines = (small_run.folder / "results/sodium_ion/campaign/suggestions.csv").read_text(encoding="utf-8").splitlines()
    ranks = [line.partition(",")[0] for line in lines[1:]]
    head = table.locator("thead button").first
    for direction, expected in (("ascending", ranks), ("descending", ranks[::-1])):
        head.focus()
        page.page.keyboard.press("Enter")
        assert table.locator("thead th").first.get_attribute("aria-sort") == direction
        assert table.locator("tbody td:first-child").all_inner_texts() == expected
    table.locator(".copy").click()
    table.and_(page.page.locator("[data-copied]")).wait_for()
    assert table.get_attribute("data-copied") == "\n".join([lines[0], *lines[:0:-1]]) + "\n"
    table.locator("input").fill("no such words")
    assert table.locator(".count").inner_text() == f"0 of {len(ranks)} rows"
    table.locator("input").fill("")


@pytest.mark.slow
def test_claims_are_filtered_by_study_and_verdict(page: Visit, small_run: Workspace) -> None:
    claims = pd.read_csv(small_run.folder / "results/claims.csv", keep_default_na=False)
    table = page.page.locator('[data-table="claims"]')
    study, _, holds, _ = table.locator("select").all()
    study.select_option("sodium_ion")
    holds.select_option("no verdict")
    expected = claims[(claims["study"] == "sodium_ion") & (claims["holds"] == "no verdict")]
    assert 0 < len(expected) < len(claims)
    shown = table.locator("tbody tr:not([hidden]) td:nth-child(2)").all_inner_texts()
    assert shown == expected["quantity"].tolist()
    for each in (study, holds):
        each.select_option("")
    assert table.locator("tbody tr:not([hidden])").count() == len(claims)


@pytest.mark.slow
def test_points_of_parity_say_their_row_and_residual(page: Visit, small_run: Workspace) -> None:
    texts = page.page.evaluate(
        "document.querySelector('[data-chart^=chart-sodium_ion-parity]').data.find((part) => part.text).text"
    )
    rows = pd.read_parquet(small_run.folder / "results/sodium_ion/table.parquet").set_index("line")
    assert len(texts) == len(rows)
    for text in texts:
        row = int(re.match(r"row (\d+)<br>", text)[1])
        assert rows.at[row, "material"] in text
        observed, predicted, rest = (float(re.search(rf"{w} ([-+.\d]+)", text)[1]) for w in WORDS)
        assert observed == pytest.approx(rows.at[row, "capacity_mah_g"], rel=1e-3)
        assert rest == pytest.approx(predicted - observed, abs=0.1)


WORDS = ("observed", "predicted", "residual")


@pytest.mark.slow
def test_a_narrow_dark_screen_does_not_scroll_sideways(small_run: Workspace, browser: Any) -> None:
    narrow = {"viewport": {"width": 400, "height": 800}, "color_scheme": "dark"}
    found = visit(browser, small_run.folder / "results/report.html", **narrow)
    draw_all(found.page)
    assert found.page.evaluate("document.documentElement.scrollWidth") == 400
    colour = found.page.evaluate("document.querySelector('.chart[data-drawn]').layout.font.color")
    assert colour == "#e7eaee"
    assert found.messages == []
    found.page.close()


@pytest.fixture(scope="module")
def hostile(small_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every text of the studies is markup and scripts."""
    results = tmp_path_factory.mktemp("hostile") / "results"
    shutil.copytree(small_run.folder / "results", results)
    studies = {name: load_study(ROOT / f"config/studies/{name}.yaml") for name in TWO}
    for name in TWO:
        spoil_results(StudyResults.of_folder(results / name, studies[name]), results / name)
    claims = read_frame(results / "claims.csv")
    write_csv(results / "claims.csv", claims.assign(quantity=PAYLOAD, reason=PAYLOAD, found_in=PAYLOAD))
    dataset = Dataset.model_validate(next(iter(read_yaml(ROOT / "config/datasets.yaml").values())))
    spoilt = {"title": PAYLOAD, "licence": PAYLOAD, "homepage": "javascript:window.hit = 1", "citation": (PAYLOAD,)}
    settings = ReportSettings.model_construct(
        studies={name: spoil_settings(ReportedStudy.take_from(study)) for name, study in studies.items()},
        files={name: list_results(study, "report") for name, study in studies.items()},
        datasets={"x": dataset.model_copy(update=spoilt)},
        logs=str(results.parent / "logs"),
    )
    figures = [path for name in TWO for path in sorted((results / name / "figures").glob("*.svg"))]
    summaries = [results / name / "summary.json" for name in TWO]
    build_report(summaries, figures, [results / "claims.csv"], results / "report.html", settings)
    return results / "report.html"


def spoil_settings(study: ReportedStudy) -> ReportedStudy:
    """Return settings with payloads in every text that a study's YAML is free to choose."""

    def spoil(items: Any) -> Any:
        return tuple(item.model_copy(update={"label": PAYLOAD, "unit": "<i>V</i>"}) for item in items)

    texts = {"title": PAYLOAD, "remarks": (PAYLOAD,)}
    lists = ("features", "objectives", "optimised", "designable", "derived")
    return study.model_copy(update=texts | {name: spoil(getattr(study, name)) for name in lists})


def spoil_results(results: StudyResults, folder: Path) -> None:
    """Write payloads into every text of a study's results."""
    cells = read_json(folder / "summary.json")
    for cell in cells.values():
        if isinstance(cell["value"], str):
            cell["value"] += PAYLOAD
    write_json(folder / "summary.json", cells)
    for path, columns in (("suggestions", ["why"]), ("reference_designs", ["name", "flags"])):
        frame = read_frame(results.files[path])
        write_csv(results.files[path], frame.assign(**dict.fromkeys(columns, PAYLOAD)))
    table = results.table.assign(**{name: PAYLOAD for name in ("material", "label") if name in results.table})
    table.to_parquet(results.files["table"])
    shutil.rmtree(folder / ".sums")
    benchmark = read_json(results.files["benchmark"])
    benchmark["comparison"]["verdict"] = PAYLOAD
    write_json(results.files["benchmark"], benchmark)
    write_text(folder / "figures/study.svg", FIGURE)


@pytest.mark.slow
def test_no_text_of_a_study_runs_or_becomes_markup(hostile: Path, browser: Any) -> None:
    found = visit(browser, hostile)
    # before anything is waited for, which a page that is broken may never have
    assert found.page.locator("[onerror], [onload], img[src='x']").count() == 0
    draw_all(found.page)
    for point in found.page.locator('[data-chart*="parity"] .point').all()[:3]:
        point.hover(force=True)
    found.page.locator(".card a.n").first.click()
    found.page.keyboard.press("Escape")
    assert found.page.evaluate("window.hit") is None
    # a policy that stops a script says so on the console: none may get so far
    assert found.messages == []
    assert (
        found.page.locator("[onerror], [onload], a[href^='javascript'], b:text-is('bold'), img[src='x']").count() == 0
    )
    assert found.page.locator("svg a, svg [style*='bold']").count() == 0
    text = found.page.locator("body").inner_text()
    assert "49" not in re.findall(r"bold</b> (.*?) %", text)
    assert text.count("<b>bold</b> {{ 7 * 7 }} %{x} &lt;i&gt;") > 20
    assert {url.partition(":")[0] for url in found.requests} <= {"file", "blob", "data"}
    found.page.close()
