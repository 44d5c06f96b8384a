"""The chapter's claims: well formed, each compared with the number that its pointer leads to."""

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import SHIPPED

from batterymi.errors import TableError
from batterymi.files import write_json
from batterymi.reporting.claims import COLUMNS, RUN_FILES, Measurements, check_claims, compare_with_claim, read_claims
from batterymi.reporting.pages import render_claims
from batterymi.reporting.study_results import list_entries
from batterymi.workflow.provenance import find_code_closure

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = ROOT / "data/textbook/claims.csv"
CLAIM = dict.fromkeys(COLUMNS, "") | {"id": "a", "study": "mine", "unit": "1", "value": "2", "reason": "why"}
ROWS = "table.json#rows_to_learn_from"


def write_claims(folder: Path, *changes: dict[str, str]) -> Path:
    """Write a table of claims."""
    path = folder / "claims.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(CLAIM | one for one in changes)
    return path


def check(folder: Path, *changes: dict[str, str]) -> list[dict[Any, Any]]:
    """Return the rows of claims.csv for claims on a study `mine` that ran, whose table has 3 rows."""
    write_json(folder / "mine/table.json", {"rows_to_learn_from": 3, "missing": None})
    path = write_claims(folder, *changes)
    return check_claims(read_claims(path), {"mine": folder / "mine"}, path).to_dict("records")


def test_the_claims_are_many_and_well_formed() -> None:
    claims = read_claims(CLAIMS)
    assert len(claims) >= 40
    assert set(claims["study"]) == {study for study in SHIPPED if not study.endswith("_measured")}
    assert (claims["reason"].str.len() > 10).all()


def test_every_pointer_names_a_file_that_the_rule_of_the_claims_waits_for() -> None:
    claims = read_claims(CLAIMS)
    pointers = [pointer for key in ("measured", "on_data") for pointer in claims[key] if pointer]
    known = {entry.path for entry in list_entries() if "claims" in entry.readers}
    files = {pointer.split("#")[0].split("/", 1 if pointer.startswith("@") else 0)[-1] for pointer in pointers}
    assert len(pointers) > 40
    assert files <= known | set(RUN_FILES)


def test_a_pointer_leads_to_results_that_belong_to_no_study(tmp_path: Path) -> None:
    facts = tmp_path / "cell_facts.json"
    write_json(facts, {"cells": {"x": {"value": 2.0}}, "hosts": None})
    path = write_claims(
        tmp_path,
        {"id": "a", "measured": "@results/cell_facts.json#cells.x.value", "tolerance": "0.1"},
        {"id": "b", "measured": "@results/cell_facts.json#hosts.mean_v", "tolerance": "0.1"},
        {"id": "c", "measured": "@results/conductivities.json#n_series", "tolerance": "0.1"},
    )
    claims = read_claims(path)
    found = check_claims(claims, {"mine": tmp_path}, path, {facts.name: facts}).set_index("id")
    assert found["verdict"].to_dict() == {"a": "reproduced", "b": "not testable", "c": "not testable"}
    assert found.loc["a", "source"] == f"{facts.as_posix()}#cells.x.value"
    assert found.loc["c", "reason"].startswith("not in this run"), "that run reads no data set"
    path = write_claims(tmp_path, {"measured": "@results/cell_fact.json#x", "tolerance": "1"})
    with pytest.raises(TableError, match=r"not compared with 'cell_fact\.json'; did you mean 'cell_facts\.json'"):
        check_claims(read_claims(path), {"mine": tmp_path}, path, {facts.name: facts})


def test_a_pointer_is_followed_to_its_number_or_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "table.json", {"x": [1, {"y": 2.5}], "empty": None})
    (tmp_path / "surrogate").mkdir()
    (tmp_path / "surrogate/metrics.csv").write_text("name,kind,value [eV]\np,q,3\np,r,4\n")
    find, metrics = Measurements({"mine": tmp_path}).find_number, "surrogate/metrics.csv"
    assert find("mine", "table.json#x.1.y", "claim") == 2.5
    assert find("mine", "table.json#empty", "claim") is None
    assert find("mine", "table.json#empty.more", "claim") is None
    assert find("mine", f"{metrics}#name=p,kind=r:value", "claim") == 4
    assert find("mine", f"{metrics}#name=z:value", "claim") is None
    lost = ("table.json#x.7", "table.json#z", *(f"{metrics}#{end}" for end in ("name=p:value", "name=p,kind=q:none")))
    for pointer in lost:
        with pytest.raises(TableError, match=r"claim: .*leads nowhere"):
            find("mine", pointer, "claim")
    with pytest.raises(TableError, match=r"claim: there is no .*transfer\.json"):
        find("mine", "transfer/transfer.json#own.r2", "claim")
    with pytest.raises(TableError, match=r"not compared with 'tables\.json'; did you mean 'table\.json'\?"):
        find("mine", "tables.json#x", "claim")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"measured": ROWS, "tolerance": "1"}, (3, "reproduced", "", "why")),
        ({"measured": ROWS, "tolerance": "0.9"}, (3, "contradicted", "", "why")),
        ({"measured": f"{ROWS} |percent", "tolerance": "1"}, (300, "contradicted", "", "why")),
        ({"measured": "table.json#missing", "tolerance": "1"}, (None, "not testable", "", "not in this run; why")),
        ({}, (None, "not testable", "", "why")),
        ({"on_data": f"@mine/{ROWS}", "tolerance": "1"}, (None, "not testable", "reproduced", "why")),
        ({"on_data": f"@other/{ROWS}", "tolerance": "1"}, (None, "not testable", "", "why")),
        (
            {"study": "other", "measured": ROWS, "tolerance": "1"},
            (None, "not testable", "", "the study was not run; why"),
        ),
    ],
)
def test_a_claim_is_compared_with_its_own_study_and_with_real_data(
    changes: dict[str, str], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    (row,) = check(tmp_path, changes)
    measured = None if pd.isna(row["measured"]) else row["measured"]
    assert (measured, row["verdict"], row["verdict_on_data"], row["reason"]) == expected


def test_a_difference_of_exactly_the_tolerance_is_reproduced() -> None:
    assert compare_with_claim(0.1 + 0.2, 0.0, 0.3) == "reproduced"
    assert compare_with_claim(0.31, 0.0, 0.3) == "contradicted"
    assert compare_with_claim(None, 1.0, 0.3) == "not testable"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": "mAh/gg"}, "line 2: unit: 'mAh/gg' is not a unit; did you mean 'mAh/g'"),
        ({"value": "two"}, "line 2: value: 'two' is not a number"),
        ({"tolerance": "wide"}, "line 2: tolerance: 'wide' is not a number"),
        ({"tolerance": "1"}, "line 2: tolerance: give one where"),
        ({"measured": "table.json#x"}, "line 2: tolerance: give one where"),
    ],
)
def test_a_malformed_claim_is_named_with_its_line(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=said):
        read_claims(write_claims(tmp_path, changes))


def test_two_claims_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="two claims have the id 'a'"):
        read_claims(write_claims(tmp_path, {}, {}))


@pytest.mark.parametrize("key", ["quantity", "reason", "section"])
def test_texts_of_claims_cannot_become_html(key: str, tmp_path: Path) -> None:
    measured = {"id": "b", "measured": ROWS, "tolerance": "1"}
    page = render_claims(pd.DataFrame(check(tmp_path, {key: "<script>alert(1)</script>"}, measured)))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<td class="reproduced">reproduced</td>' in page


def test_templates_count_as_code_of_the_rules_that_fill_them() -> None:
    template = ROOT / "src/batterymi/reporting/templates/claims.html.j2"
    assert template in find_code_closure(ROOT / "scripts/build_claims.py")
    assert template not in find_code_closure(ROOT / "scripts/summarise_study.py")
    assert ROOT / "src/batterymi/surrogates/card.md.j2" in find_code_closure(ROOT / "scripts/train_surrogate.py")
