"""The chapter's claims: well formed, every number of the text among them, each compared with what pointers lead to."""

import csv
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chapter_numbers import list_numbers
from conftest import MIRROR, SHIPPED, TEXTBOOK

from batterymi.errors import TableError
from batterymi.files import write_json
from batterymi.reporting.claims import COLUMNS, KINDS, Claim, read_claims
from batterymi.reporting.claims_table import check_claims, count_verdicts
from batterymi.reporting.other_results import OTHER_RESULTS
from batterymi.reporting.pages import render_claims
from batterymi.reporting.pointers import Measurements
from batterymi.reporting.study_results import list_entries
from batterymi.workflow.provenance import find_code_closure

ROOT = Path(__file__).resolve().parents[1]
CLAIMS, NUMBERS = ROOT / "data/textbook/claims.csv", ROOT / "data/textbook/numbers.csv"
CHAPTER = Path(os.environ.get("CHAPTER") or MIRROR.parent / "seed/battery_mi_case_studies.md")
CLAIM = dict.fromkeys(COLUMNS, "") | {"id": "a", "study": "mine", "unit": "1", "value": "2", "kind": "result"}
ROWS = "table.json#rows_to_learn_from"
# words that only fit one outcome, where the numbers decide it
OUTCOMES = (
    r"reproduced|contradict|confirm|refut|holds?\b|impossible|cannot exist|infeasible|nowhere|needed more|needs more|"
    r"more evaluations|fewer evaluations|faster than|slower than|exceeds?\b|below it|above it|too (high|low)|right\b|"
    r"wrong"
)


def shipped() -> dict[str, Claim]:
    """Return the claims of the repository by their ids."""
    return {claim.id: claim for claim in read_claims(CLAIMS)}


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
    write_json(folder / "mine/recipe.json", {"x": 2.4})
    path = write_claims(folder, *changes)
    return check_claims(read_claims(path), {"mine": folder / "mine"}, path).to_dict("records")


def test_the_claims_are_many_and_well_formed() -> None:
    claims = shipped()
    assert len(claims) >= 140
    assert {claim.study for claim in claims.values()} == set(TEXTBOOK)
    kinds = Counter(claim.kind for claim in claims.values())
    assert set(kinds) == set(KINDS)
    bare = [c.id for c in claims.values() if not (c.reason or c.found or c.computed or KINDS[c.kind])]
    assert bare == [], "each says what it is compared with, or why nothing is"


def test_targets_limits_and_forecasts_are_labelled_as_such() -> None:
    claims = shipped()
    assert {claims[name].kind for name in ("se_target_cost", "fc_target", "ls_cycles_needed")} == {"target"}
    assert claims["ncm_limit"].kind == "limit"
    assert {claims[name].kind for name in ("se_year", "na_market")} == {"forecast"}


def test_no_reason_presupposes_what_the_numbers_decide() -> None:
    found = {c.id: match[0] for c in shipped().values() if (match := re.search(OUTCOMES, c.reason))}
    assert found == {}


def list_pointers(claim: Claim) -> list[str]:
    """Return every pointer of a claim."""
    return [pointer for pointer in (claim.computed, *(p for group in claim.found for p in group)) if pointer]


def test_every_pointer_names_a_file_that_the_rule_of_the_claims_waits_for() -> None:
    known = {entry.path: entry.rule for entry in list_entries() if "claims" in entry.readers}
    pointers = [(claim, pointer) for claim in shipped().values() for pointer in list_pointers(claim)]
    assert len(pointers) > 100
    for claim, pointer in pointers:
        study, _, place = pointer[1:].partition("/") if pointer.startswith("@") else (claim.study, "", pointer)
        file = place.partition("#")[0]
        assert file in OTHER_RESULTS.get(study, known), claim.id
        assert study in OTHER_RESULTS or study in SHIPPED, claim.id


def test_a_pointer_leads_to_results_of_the_run_that_belong_to_no_study(tmp_path: Path) -> None:
    fact = {"value": 2.0, "low": 1.0, "high": 4.0, "unchecked": ["a", "b"]}
    write_json(tmp_path / "cell_facts.json", {"cells": {"x": fact}, "hosts": None})
    changes = {
        "a": "@results/cell_facts.json#cells.x.value",
        "b": "@results/cell_facts.json#hosts.mean_v",
        "c": "@results/conductivities.json#n_series",
    }
    path = write_claims(tmp_path, *({"id": key, "found": place, "tolerance": "9"} for key, place in changes.items()))
    found = check_claims(read_claims(path), {"results": tmp_path}, path)
    assert found.loc[0, ["found", "found_lower", "found_upper"]].tolist() == [2.0, 1.0, 4.0]
    assert "2 unchecked inputs, not read in their sources" in found.loc[0, "reason"]
    assert found["found"].isna().tolist() == [False, True, True], "that run reads no data set"
    path = write_claims(tmp_path, {"found": changes["a"] + " |negative", "tolerance": "9"})
    turned = check_claims(read_claims(path), {"results": tmp_path}, path).loc[0]
    assert turned[["found", "found_lower", "found_upper"]].tolist() == [-2.0, -4.0, -1.0]
    path = write_claims(tmp_path, {"found": "@results/cell_fact.json#x", "tolerance": "1"})
    with pytest.raises(TableError, match=r"not compared with 'cell_fact\.json'; did you mean 'cell_facts\.json'"):
        check_claims(read_claims(path), {"results": tmp_path}, path)


def read_numbers() -> list[dict[str, str]]:
    """Return the list of the chapter's numbers."""
    with NUMBERS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_number_of_the_list_is_a_claim_or_exempt_with_a_reason() -> None:
    rows, claims = read_numbers(), shipped()
    assert len(rows) >= 200
    named = {name for row in rows for name in row["claims"].split()}
    assert named == set(claims)
    for row in rows:
        assert bool(row["claims"]) != bool(row["exempt"]), row
        assert row["role"] == "" if row["exempt"] else row["role"] in ("value", "condition"), row


def test_claims_have_the_values_that_the_text_has() -> None:
    claims, read = shipped(), set()
    for row in read_numbers():
        if row["role"] != "value":
            continue
        read |= set(row["claims"].split())
        if row["token"].startswith("{"):
            continue  # a field that the code fills in
        power = row["token"].removeprefix("10^")
        value = float(power.replace(",", ""))
        for name in row["claims"].split():
            assert abs(claims[name].value) == abs(value), f"{name}: the text has {row['token']}"
    # amounts in a formula, and what is implied by them
    assert set(claims) - read == {"se_new_material_charge"}


@pytest.mark.skipif(not CHAPTER.is_file(), reason="no copy of the chapter")
def test_the_list_has_every_number_of_the_chapter() -> None:
    places = ("text", "code output")
    listed = [tuple(row[key] for key in ("section", "stated_in", "token")) for row in read_numbers()]
    listed = [row for row in listed if row[1] in places and row[0] != "front matter"]
    assert listed == list_numbers(CHAPTER.read_text(encoding="utf-8"))


def test_numbers_are_found_in_prose_formulas_powers_and_prints() -> None:
    text = (
        "---\ncode_examples: 12\n---\n### 4.1.3 Code\n    x = 5\n    print(f'  MAE={m:.1f}% (200 cycles)')\n"
        "### 4.1.4 Results\n1\\. NCM622 at > 10⁻³ S/cm, 1,200 km, **Li₆.₇₅P₂**, 10-minute\n"
    )
    assert list_numbers(text) == [
        *(("4.1.3", "code output", token) for token in ("{m:.1f}", "200")),
        *(("4.1.4", "text", token) for token in ("10^-3", "1,200", "6.75", "10")),
    ]


def test_li_cathodes_to_pre_train_on_are_those_of_lithium_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sodium_ion_measured"
    write_json(folder / "table.json", {"rows_to_learn_from": 328, "rows_by_split": {"source": 4073}})
    write_json(folder / "transfer/transfer.json", {"source": ["Li"], "source_task": {"rows": 2291}})
    claims = shipped()
    names = ("na_source_rows", "na_target_rows")
    rows = check_claims([claims[name] for name in names], {folder.name: folder}, CLAIMS).to_dict("records")
    assert [row["found"] for row in rows] == [2291, 328]
    assert [row["holds"] for row in rows] == ["does not hold", "holds"]


def test_a_voltage_that_is_looked_up_stands_beside_the_gain_of_transfer_and_decides_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sodium_ion_measured"
    entry = {"r2": 0.79, "r2_lower": 0.7, "r2_upper": 0.86}
    looked_up = {"r2": 0.925, "r2_lower": 0.9, "r2_upper": 0.94, "objection": "no model"}
    write_json(folder / "transfer/transfer.json", {"best": {"r2": 0.9}, "pooled": entry, "look_up": looked_up})
    (row,) = check_claims([shipped()["na_r2_after"]], {folder.name: folder}, CLAIMS).to_dict("records")
    assert (row["found"], row["holds"]) == (0.79, "does not hold")
    assert row["also_found"].startswith("0.925 (")
    assert "takes no model" in row["reason"]
    write_json(folder / "transfer/transfer.json", {"best": {"r2": 0.9}, "pooled": entry, "look_up": None})
    (row,) = check_claims([shipped()["na_r2_after"]], {folder.name: folder}, CLAIMS).to_dict("records")
    assert (row["found"], row["also_found"]) == (0.79, "")


def test_a_pointer_is_followed_to_its_number_or_refused(tmp_path: Path) -> None:
    content = {"x": [1, {"y": 2.5, "y_lower": 2, "y_upper": 3}], "empty": None}
    write_json(tmp_path / "table.json", content)
    (tmp_path / "surrogate").mkdir()
    (tmp_path / "surrogate/metrics.csv").write_text("name,kind,value [eV]\np,q,3\np,r,4\n")
    measurements, metrics = Measurements({"mine": tmp_path}), "surrogate/metrics.csv"

    def find(pointer: str) -> float | None:
        found = measurements.follow("mine", pointer, "claim")
        return found[0].value if found else None

    assert find("table.json#x.1.y") == 2.5
    assert find("table.json#x.0") == 1
    assert find("table.json#x.0 |percent") == 100
    assert find("table.json#empty") is None
    assert find("table.json#empty.more") is None
    assert find(f"{metrics}#name=p,kind=r:value") == 4
    assert find(f"{metrics}#name=z:value") is None
    assert find("@not_run/table.json#x.0") is None
    (found,) = measurements.follow("mine", "table.json#x.1.y |pow10", "claim")
    assert found.interval == (100.0, 1000.0), "ends are transformed alike"
    lost = ("table.json#x.7", "table.json#z", *(f"{metrics}#{end}" for end in ("name=p:value", "name=p,kind=q:none")))
    for pointer in lost:
        with pytest.raises(TableError, match=r"claim: .*leads nowhere"):
            find(pointer)
    with pytest.raises(TableError, match=r"claim: there is no .*transfer\.json"):
        find("transfer/transfer.json#own.r2")
    with pytest.raises(TableError, match=r"not compared with 'tables\.json'; did you mean 'table\.json'\?"):
        find("tables.json#x")
    with pytest.raises(TableError, match=r"'pow20' is not a transform; did you mean 'pow10'"):
        find("table.json#x.0 |pow20")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"found": ROWS, "tolerance": "1"}, ("not computed by the source", 3, "holds", "")),
        ({"found": ROWS, "tolerance": "0.9"}, ("not computed by the source", 3, "does not hold", "")),
        ({"computed": "recipe.json#x"}, ("reproduced", None, "no verdict", "")),
        ({"computed": "recipe.json#x", "value": "2.0"}, ("not reproduced", None, "no verdict", "")),
        ({"computed": "recipe.json#x", "value": "2.3"}, ("reproduced", None, "no verdict", "")),
        ({"reason": "why"}, ("not computed by the source", None, "no verdict", "why")),
        (
            {"found": ROWS, "tolerance": "1", "kind": "target"},
            ("not computed by the source", 3, "no verdict", "target"),
        ),
        ({"found": f"{ROWS} |most", "tolerance": "1"}, ("not computed by the source", 3, "no verdict", "no proof")),
        (
            {"found": "table.json#missing", "tolerance": "1"},
            ("not computed by the source", None, "no verdict", "no such"),
        ),
        (
            {"found": f"@other/{ROWS}", "tolerance": "1"},
            ("not computed by the source", None, "no verdict", "lacks other"),
        ),
        ({"found": f"@other/{ROWS} ; {ROWS}", "tolerance": "1"}, ("not computed by the source", 3, "holds", "")),
        ({"study": "other", "computed": "recipe.json#x"}, ("", None, "no verdict", "")),
    ],
)
def test_a_claim_is_compared_with_its_recipe_and_with_what_is_found(
    changes: dict[str, str], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    (row,) = check(tmp_path, changes)
    found = None if pd.isna(row["found"]) else row["found"]
    assert (row["computed"], found, row["holds"]) == expected[:3]
    assert expected[3] in row["reason"]
    assert bool(row["reason"]) == bool(expected[3])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": "mAh/gg"}, "line 2: unit: 'mAh/gg' is not a unit; did you mean 'mAh/g'"),
        ({"kind": "targets"}, "line 2: kind: 'targets' is not a kind; did you mean 'target'"),
        ({"relation": "~"}, "line 2: relation: '~' is not a relation"),
        ({"value": "two"}, "line 2: value: 'two' is not a number"),
        ({"value": "nan"}, "line 2: value: 'nan' is not a number"),
        ({"tolerance": "wide"}, "line 2: tolerance: 'wide' is not a number"),
        ({"tolerance": "1"}, "line 2: tolerance: give one where"),
        ({"found": "table.json#x"}, "line 2: tolerance: give one where"),
    ],
)
def test_a_malformed_claim_is_named_with_its_line(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=said):
        read_claims(write_claims(tmp_path, changes))


def test_two_claims_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="two claims have the id 'a'"):
        read_claims(write_claims(tmp_path, {}, {}))


@pytest.mark.parametrize("key", ["quantity", "reason", "section", "study"])
def test_texts_of_claims_cannot_become_html(key: str, tmp_path: Path) -> None:
    found = {"id": "b", "found": ROWS, "tolerance": "1"}
    page = render_claims(pd.DataFrame(check(tmp_path, {key: "<script>alert(1)</script>"}, found)))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<td class="good">holds</td>' in page


def test_the_page_counts_both_verdicts_of_each_study(tmp_path: Path) -> None:
    rows = check(tmp_path, {"computed": "recipe.json#x"}, {"id": "b", "found": ROWS, "tolerance": "1"})
    table = pd.DataFrame(rows)
    counts = (
        "reproduced 1, not reproduced 0, not computed by the source 1; "
        "holds 1, does not hold 0, depends 0, no verdict 1"
    )
    assert count_verdicts(table) == counts
    assert render_claims(table).count(counts) == 2, "once for all, once for the study"


def test_templates_count_as_code_of_the_rules_that_fill_them() -> None:
    template = ROOT / "src/batterymi/reporting/templates/claims.html.j2"
    assert template in find_code_closure(ROOT / "scripts/build_claims.py")
    assert template not in find_code_closure(ROOT / "scripts/summarise_study.py")
    assert ROOT / "src/batterymi/surrogates/card.md.j2" in find_code_closure(ROOT / "scripts/train_surrogate.py")
