"""A ledger that is read under other settings than those of its suggestions."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ledgers import fill_first_format, listed

from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.converted_batches import describe_differences
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.matched_results import (
    compare_suggestions,
    digest_designs,
)
from batterymi.optimise.space.space import Space

SIZE = Feature(name="size", label="size", unit="nm", bounds=(1, 9))
GAS = Feature(name="gas", label="gas", unit="1", choices=("air", "O2"))
CAPACITY = Objective(name="y", label="y", unit="mAh/g", goal="maximise")
UNITS = {"size": "nm", "gas": "1", "y": "mAh/g"}


def suggest_sizes(path: Path, units: dict[str, str] | None = UNITS) -> pd.DataFrame:
    """Suggest two designs after one row, and return a table in which the first was measured since."""
    rows = pd.DataFrame({"size": [3.0, 2.5], "gas": ["air", "air"], "y": [100.0, 160.0], "split": "train"})
    rows["line"] = [2, 3]
    items = [
        {"design": {"size": size, "gas": gas}, "predicted": {"y": [150.0, 140.0, 170.0]}}
        for size, gas in ((2.5, "air"), (3.0, "air"))
    ]
    known = set(digest_designs(rows.iloc[:1], (SIZE, GAS)))
    if units is None:
        line = {"batch": 1, "key": "k", "rows": 1, "known": sorted(known), "suggestions": items, "before": ""}
        path.write_text(json.dumps(line) + "\n")
    else:
        Ledger(path).add("k", 1, items, known, units=units)
    return rows


def read_changed(
    path: Path, rows: pd.DataFrame, features: tuple[Feature, ...], objective: Objective
) -> tuple[list[list[Any]], list[str]]:
    """Status, objective, unit, prediction and result of each suggestion, and what is said of the batch."""
    batches = Ledger(path).batches
    found = compare_suggestions(batches, rows, Space(features), [objective], 0)
    kept = found[["suggestion", "status", "objective", "unit", "predicted", "measured"]].round(9)
    assert (found["why"] != "").tolist() == (found["status"] == "not comparable").tolist()
    said = describe_differences(batches, features, [objective])
    return kept.astype(object).where(kept.notna(), None).to_numpy().tolist(), said


def test_a_ledger_holds_units_and_says_nothing_where_nothing_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    assert json.loads((tmp_path / "my.jsonl").read_text())["units"] == UNITS
    assert read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY) == (
        [["b1-01", "measured", "y", "mAh/g", 150, 160], ["b1-02", "not tried", "y", "mAh/g", 150, None]],
        [],
    )


def test_designs_are_found_after_the_unit_of_a_feature_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    size = Feature(name="size", label="size", unit="Å", bounds=(10, 90))
    found, said = read_changed(tmp_path / "my.jsonl", rows.assign(size=rows["size"] * 10), (size, GAS), CAPACITY)
    # the row of 30 Å was there before, so that it is no result of the second suggestion
    assert [item[:2] for item in found] == [["b1-01", "measured"], ["b1-02", "not tried"]]
    assert said == ["batch 1: 'size' is converted from nm to Å"]


def test_predictions_are_converted_after_the_unit_of_an_objective_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    objective = CAPACITY.model_copy(update={"unit": "Ah/kg"})
    found, _ = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), objective)
    assert found[0] == ["b1-01", "measured", "y", "Ah/kg", 150, 160]
    objective = CAPACITY.model_copy(update={"unit": "Ah/g"})
    found, said = read_changed(tmp_path / "my.jsonl", rows.assign(y=rows["y"] / 1000), (SIZE, GAS), objective)
    assert found[0] == ["b1-01", "measured", "y", "Ah/g", 0.15, 0.16]
    assert said == ["batch 1: 'y' is converted from mAh/g to Ah/g"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit": "V"}, "'y' is in mAh/g there and in V in the study, and one cannot be converted to the other"),
        ({"name": "capacity"}, "the study no longer has the objective 'y'"),
    ],
)
def test_predictions_of_an_objective_that_is_gone_are_listed_with_their_own_unit(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl").rename(columns={"y": change.get("name", "y")})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY.model_copy(update=change))
    assert found == [[name, "not comparable", "y", "mAh/g", 150, None] for name in ("b1-01", "b1-02")]
    assert said == [f"batch 1: predictions are not comparable: {reason}"]


OTHER_FEATURES = {
    "added": (SIZE, GAS, Feature(name="t", label="T", unit="°C", bounds=(600, 900))),
    "removed": (SIZE,),
    "renamed": (Feature(name="t", label="T", unit="nm", bounds=(1, 900)), GAS),
    "other unit": (SIZE.model_copy(update={"unit": "°C"}), GAS),
    "choice gone": (SIZE, GAS.model_copy(update={"choices": ("N2", "O2")})),
    "other kind": (Feature(name="size", label="size", unit="1", choices=("small", "large")), GAS),
}
REASONS = {
    "added": "the study now has the feature 't', which the batch lacks",
    "removed": "the study no longer has the feature 'gas'",
    "renamed": "the study no longer has the feature 'size'; the study now has the feature 't', which the batch lacks",
    "other unit": "'size' is in nm there and in °C in the study, and one cannot be converted to the other",
    "choice gone": "'air' is no longer a choice of 'gas'",
    "other kind": "'size' is a choice in the study now",
}


@pytest.mark.parametrize("kind", OTHER_FEATURES)
def test_designs_of_another_study_are_compared_by_name_only_and_never_called_not_tried(
    tmp_path: Path, kind: str
) -> None:
    path, features = tmp_path / "my.jsonl", OTHER_FEATURES[kind]
    rows = suggest_sizes(path).assign(t=700.0)
    rows = rows.replace({"gas": {"air": "N2"}}) if kind == "choice gone" else rows
    rows = rows.assign(size="small") if kind == "other kind" else rows
    found, said = read_changed(path, rows, features, CAPACITY)
    assert [item[1] for item in found] == ["not comparable"] * 2
    assert found[0][2:] == ["y", "mAh/g", 150, None]
    assert len(said) == 1
    assert said[0].startswith("batch 1: suggestions with other designs than the study has now")
    assert f"({REASONS[kind]})" in said[0]
    found, _ = read_changed(path, rows.assign(suggestion=["", "b1-01"]), features, CAPACITY)
    assert found[0] == ["b1-01", "measured", "y", "mAh/g", 150, 160]
    assert found[1][1] == "not comparable"


def test_a_unit_that_is_none_makes_a_batch_not_comparable(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl", UNITS | {"size": "__import__('os')"})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY)
    assert [item[1] for item in found] == ["not comparable"] * 2
    assert len(said) == 1


def test_a_line_without_units_is_taken_to_have_those_of_the_study(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl", None)
    size = SIZE.model_copy(update={"unit": "Å"})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (size, GAS), CAPACITY)
    assert [item[1] for item in found] == ["measured", "not tried"]
    assert said == []


def test_a_suggestion_without_predictions_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    Ledger(path).add("k", 1, [{"design": {"size": 2.5, "gas": "air"}, "predicted": {}}], {"-"}, units=UNITS)
    rows = suggest_sizes(tmp_path / "other.jsonl")
    found = compare_suggestions(Ledger(path).batches, rows, Space((SIZE, GAS)), [CAPACITY], 0)
    assert found[["suggestion", "status", "line"]].to_numpy().tolist() == [["b1-01", "measured", "3"]]


def test_a_unit_that_was_corrected_makes_a_batch_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "V"}) == 1
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "V"}) == 1
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "mV"}) == 2
    fill_first_format(tmp_path / "old.jsonl", 1)
    assert Ledger(tmp_path / "old.jsonl").add("k", 11, listed(1, 1.5), units={"a": "nm"}) == 1
