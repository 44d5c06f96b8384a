"""Pages of a study with a batch: what is seen first, what is older than the table, and what was typed."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_cells import make_project
from own_study import TABLE

from batterymi.notebook.study import Study
from batterymi.optimise.campaigns.ledger import Ledger

pytest.importorskip("starlette", reason="the extra `app` is not installed")
pytest.importorskip("python_multipart", reason="the extra `app` is not installed")
from app_client import QUICK, Client, write_study

FIELD = "result-b1-01-capacity_mah_g"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a batch of three designs."""
    folder = tmp_path_factory.mktemp("made")
    make_project(folder)
    config = folder / "config/config.yaml"
    config.write_text(re.sub(r"(?m)^overrides:.*", QUICK, config.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_study("my")
        Study.open("my", folder).suggest(3)
    return folder


@pytest.fixture
def client(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The app of a copy of it, in which this process works."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("batterymi.app.jobs.Jobs.prepare", lambda jobs, study: None)
    return Client(tmp_path)


def test_the_answer_is_above_the_table_and_fields_follow_the_name(client: Client) -> None:
    page = client.get("studies/my")
    verdict, best, table = (page.html.index(part) for part in ('id="verdict"', 'id="best"', 'id="suggestions"'))
    assert verdict < table
    assert best < table
    assert "Best row so far: Capacity 146 mAh/g, line 4 (Temperature 740 °C, Gas air)." in page.text
    head = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)", page.html[table:].partition("</thead>")[0])
    assert head[:2] == ["Design", "Measured: Capacity, mAh/g"]
    assert head[-1] == "Why"
    assert 'href="#trust"' in page.html


def test_models_of_an_older_table_are_called_that(client: Client) -> None:
    assert "older table" not in client.get("studies/my").text
    table = Path("data/my.csv")
    content = table.read_text(encoding="utf-8")
    table.write_text(content.replace(",140\n", ",150\n", 1) + "710,air,,147\n720,O2,,148\n", encoding="utf-8")
    page = client.get("studies/my")
    assert (
        "These models rest on an older table: the table is another one by now: 3 rows are new or changed" in page.text
    )
    assert "This batch rests on an older table: the table is another one by now: 3 rows are new or changed" in page.text
    table.write_text(content.replace("700,air,,140\n", ""), encoding="utf-8")
    assert client.get("studies/my").text.count("the table is another one by now: 1 gone") == 2
    # rows that wait, and columns that no model sees, make nothing older
    table.write_text(content + "710,air,,pending\n", encoding="utf-8")
    page = client.get("studies/my")
    assert "1 pending" in page.text
    assert "older table" not in page.text
    # a fit that was broken off
    Path(".batterymi/studies/my/surrogate.key.json").unlink()
    assert "older table, with 8 rows, and the fit to a newer one is not done" in client.get("studies/my").text


def test_designs_of_earlier_batches_keep_their_fields(client: Client) -> None:
    with Path("data/my.csv").open("a", encoding="utf-8") as stream:
        stream.write("705,air,b1-02,141\n")
    Study.open("my", client.server.pages.folder).suggest(3)
    page = client.get("studies/my")
    assert "2 designs of batch 1 have no result yet" in page.text
    fields = page.read_forms()
    assert {name for name in fields if name.startswith("result-b1")} == {FIELD, FIELD.replace("-01-", "-03-")}
    said = client.post("studies/my/results", fields | {FIELD: "144"})
    assert said.status == 303
    assert "1 design of batch 1 has no result yet" in client.get("studies/my").text
    # and the ledger alone is enough
    shutil.rmtree(".batterymi")
    page = client.get("studies/my")
    assert "No batch yet" in page.text
    assert "1 design of batch 1, 3 of batch 2 have no result yet" in page.text


def test_a_design_that_is_open_already_is_called_that(client: Client) -> None:
    ledger = Ledger(Path("campaigns/my.jsonl"))
    first, *_ = ledger.batches[0].suggestions
    other = {"design": {"temperature_c": 655.0, "gas": "O2"}, "predicted": {}}
    ledger.add("k", 8, [other, {"design": dict(first.design), "predicted": {}}])
    page = client.get("studies/my")
    assert re.findall(r"(b1-\d\d)<span class=\"note\">same design as ([^<]*)", page.html) == [("b1-01", "b2-02")]
    assert "2 designs of batch 2 have no result yet" in page.text
    with Path("data/my.csv").open("a", encoding="utf-8") as stream:
        stream.write("655,O2,b2-02,141\n")
    assert "same design as" not in client.get("studies/my").text


def test_only_fields_that_were_changed_keep_their_text_after_a_conflict(client: Client) -> None:
    page = client.get("studies/my")
    file = Path("config/studies/my.yaml")
    by_hand = (
        file.read_text(encoding="utf-8")
        .replace("[650, 900]", "[600, 900]")
        .replace("features:\n", "features:\n  - {name: hours, label: Hours, unit: h, bounds: [1, 9]}\n")
    )
    Path("data/my.csv").write_text(
        "".join(f"{'hours' if n == 0 else n},{line}\n" for n, line in enumerate(TABLE.splitlines())), encoding="utf-8"
    )
    file.write_text(by_hand, encoding="utf-8")
    sent = page.read_forms() | {"features-temperature_c-high": "880", "features-temperature_c-gone": "x"}
    again = client.post("studies/my/settings", sent)
    assert again.status == 409
    assert "my.yaml was changed since this page was made" in again.text
    assert again.find_value("features-temperature_c-high") == "880"
    assert again.find_value("features-temperature_c-low") == "600"
    assert "What you typed, and what has no field here any more: temperature_c: gone: x" in again.text
    assert client.post("studies/my/settings", again.read_forms()).status == 303
    assert file.read_text(encoding="utf-8") == by_hand.replace("[600, 900]", "[600, 880]")


def test_what_was_typed_is_shown_where_its_field_is_gone(client: Client) -> None:
    page = client.get("studies/my")
    assert client.post("studies/my/results", page.read_forms() | {FIELD: "150"}).status == 303
    second = client.post("studies/my/results", page.read_forms() | {FIELD: "160.5"})
    assert second.status == 409
    assert "b1-01: capacity_mah_g: 160.5" in second.text
    file = Path("config/studies/my.yaml")
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}campaign: [", encoding="utf-8")
    for action, typed, said in (
        ("results", {FIELD.replace("-01-", "-02-"): "161.5"}, "b1-02: capacity_mah_g: 161.5"),
        ("settings", {"new_rule": "temperature_c <= 870"}, "new rule: temperature_c <= 870"),
    ):
        broken = client.post(f"studies/my/{action}", page.read_forms() | typed)
        assert broken.status == 409
        assert said in broken.text
        assert "not valid YAML" in broken.text
        assert 'href="/secret/studies/my"' in broken.html
    file.write_text(text, encoding="utf-8")
    assert client.get("studies/my").status == 200


@pytest.mark.parametrize("value", ["1e9", "-5", "-5 mAh/g"])
def test_an_impossible_result_is_written_with_a_note(client: Client, value: str) -> None:
    sent = client.post("studies/my/results", client.get("studies/my").read_forms() | {FIELD: value})
    page = client.get(sent.goes_to.partition("?")[0], **dict([sent.goes_to.partition("?")[2].split("=")]))
    assert "1 result was written to data/my.csv, line 10" in page.text
    assert "hardly possible, usual is 0 to 4500 mAh/g" in page.html.partition('role="status"')[2].partition("</p>")[0]
    assert 'class="answer open" role="status"' in page.html


def test_a_cell_that_is_still_wrong_is_called_that(client: Client) -> None:
    write_study("my", TABLE.replace("700,air,,140", "hot,air,,140"))
    page = client.get("studies/my")
    for typed, said in (
        ("warm", "Still wrong: line 2, temperature_c: found 'warm'"),
        ("700", "1 cell was corrected in"),
    ):
        sent = client.post("studies/my/cells", page.read_forms() | {"cell-2-temperature_c": typed})
        page = client.get(sent.goes_to.partition("?")[0], **dict([sent.goes_to.partition("?")[2].split("=")]))
        assert said in page.text
        assert ("1 cell was corrected" in page.text) == (typed == "700")


def test_settings_that_the_table_cannot_be_read_with_are_refused(client: Client) -> None:
    file = Path("config/studies/my.yaml")
    before = file.read_text(encoding="utf-8")
    page = client.get("studies/my")
    Path("data/my.csv").write_text(TABLE.replace("temperature_c", "temperature_c (°C)"), encoding="utf-8")
    page = client.get("studies/my")
    for field, value, said in (
        ("features-temperature_c-unit", "V", "temperature_c"),
        ("features-gas-choices", "air\nAr", "not a choice"),
        ("new_rule", "temperature_c <= 100", "rule_1"),
        ("new_rule", "nonsense <= 100", "nonsense"),
        ("objectives-capacity_mah_g-goal", "target", "Capacity: goal 'target' needs"),
        ("features-temperature_c-low", "1000", "Temperature: From and To"),
    ):
        answer = client.post("studies/my/settings", page.read_forms() | {field: value})
        assert answer.status == 409
        assert said in answer.text
        assert not re.search(r"(features|objectives|constraints)\.\d", answer.text)
        assert file.read_text(encoding="utf-8") == before
    # a table that cannot be used anyway keeps no settings from being changed
    Path("data/my.csv").write_text(TABLE.replace("700,air", "hot,air"), encoding="utf-8")
    page = client.get("studies/my")
    assert client.post("studies/my/settings", page.read_forms() | {"features-temperature_c-high": "890"}).status == 303


def test_rules_may_use_the_labels_of_the_page(client: Client) -> None:
    page = client.get("studies/my")
    answer = client.post(
        "studies/my/settings", page.read_forms() | {"new_rule": "Temperature + 2 * temperature_c <= 2700"}
    )
    assert answer.status == 303, answer.text
    assert "temperature_c + 2 * temperature_c <= 2700" in Path("config/studies/my.yaml").read_text(encoding="utf-8")
