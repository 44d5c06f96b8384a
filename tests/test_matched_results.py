"""Which row of a table is the result of which suggestion, wherever it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.matched_results import (
    compare_suggestions,
    digest_designs,
    find_name_conflicts,
    find_unknown_names,
)
from batterymi.optimise.space.space import Space


def make_space(step: float | None = None) -> Space:
    """Two numbers and a category."""
    return Space(
        (
            Feature(name="t", label="T", unit="1", bounds=(600, 900), step=step),
            Feature(name="x", label="x", unit="1", bounds=(0, 1)),
            Feature(name="gas", label="gas", unit="1", choices=("air", "O2")),
        )
    )


OBJECTIVE = Objective(name="y", label="y", unit="1", goal="maximise")
OLD = [(600, 0.1, "air", 1.0), (700, 0.5, "O2", 2.0), (900, 0.9, "air", 3.0)]
SUGGESTED = [(650, 0.2, "air"), (652, 0.2, "air"), (800, 0.7, "O2"), (850, 0.7, "O2")]


def make_rows(rows: list[tuple[Any, ...]], names: list[str] | None = None) -> pd.DataFrame:
    """A table with these rows; an outcome of None is pending, one of -1 failed."""
    frame = pd.DataFrame([row[:3] for row in rows], columns=["t", "x", "gas"])
    frame["split"] = ["pending" if row[3] is None else "failed" if row[3] == -1 else "train" for row in rows]
    frame["y"] = [np.nan if row[3] in (None, -1) else row[3] for row in rows]
    frame["line"] = range(2, len(rows) + 2)
    frame[["t", "x"]] = frame[["t", "x"]].astype(float)
    if names is not None:
        frame["Suggestion"] = names
    return frame


def compare(path: Path, rows: pd.DataFrame, space: Space) -> list[tuple[str, str, str]]:
    """Status and line of each suggestion."""
    found = compare_suggestions(Ledger(path).batches, rows, space, [OBJECTIVE], 0)
    return list(zip(found["suggestion"], found["status"], found["line"], strict=True))


def suggest(path: Path, rows: pd.DataFrame, space: Space) -> None:
    """Append the suggestions to a ledger."""
    items = [
        {"design": dict(zip(("t", "x", "gas"), row, strict=True)), "predicted": {"y": [2.0, 1.0, 3.0]}}
        for row in SUGGESTED
    ]
    Ledger(path).add("k", len(rows), items, set(digest_designs(rows, space.features)))


ANSWERS = [(650.4, 0.2, "air", 4.0), (800, 0.7, "O2", -1), (850, 0.7, "O2", None)]


def test_results_are_found_wherever_they_are_in_the_table(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    wanted = {"b1-01": "measured", "b1-02": "not tried", "b1-03": "failed", "b1-04": "pending"}
    shuffled = [*OLD, *ANSWERS]
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(shuffled))
        kept = [shuffled[place] for place in order if shuffled[place] not in OLD[: seed % 3]]
        found = {name: status for name, status, _ in compare(path, make_rows(kept), space)}
        assert found == wanted


def test_a_named_row_answers_its_suggestion_whatever_its_amounts(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([(612, 0.4, "O2", 9.0), (650, 0.2, "air", 4.0), *OLD], ["B1-3", "b1–02", "", "own idea", ""])
    assert compare(path, rows, space) == [
        ("b1-01", "not tried", ""),
        ("b1-02", "measured", "3"),
        ("b1-03", "measured", "2"),
        ("b1-04", "not tried", ""),
    ]


def test_a_measured_row_counts_before_a_failed_one_and_all_lines_are_named(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (650, 0.2, "air", -1), (650, 0.2, "air", 4.0)], ["", "", "", "b1-01", "b1-01"])
    assert compare(path, rows, space)[0] == ("b1-01", "measured", "6, 5")


@pytest.mark.parametrize(
    ("step", "t", "status"), [(10, 655, "measured"), (10, 656, "not tried"), (None, 651.5, "measured")]
)
def test_a_design_is_found_within_the_declared_steps(tmp_path: Path, step: float | None, t: float, status: str) -> None:
    path, space = tmp_path / "my.jsonl", make_space(step)
    Ledger(path).add(
        "k", 3, [{"design": {"t": 650, "x": 0.2, "gas": "air"}, "predicted": {"y": [1.0, None, None]}}], {"-"}
    )
    assert [found[1] for found in compare(path, make_rows([(t, 0.2, "air", 5.0), *OLD]), space)] == [status]
    assert [found[1] for found in compare(path, make_rows([(t, 0.2, "O2", 5.0), *OLD]), space)] == ["not tried"]


def test_fractions_are_found_within_the_step_of_the_composition(tmp_path: Path) -> None:
    parts = tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in ("ni", "mn"))
    space = Space(parts, Simplex(features=("ni", "mn"), step=0.1))
    item = {"design": {"ni": 0.6, "mn": 0.4}, "predicted": {"y": [1.0, None, None]}}
    Ledger(tmp_path / "my.jsonl").add("k", 3, [item], {"-"})
    for ni, status in ((0.64, "measured"), (0.66, "not tried")):
        rows = pd.DataFrame({"ni": [ni], "mn": [1 - ni], "y": [1.0], "split": ["train"], "line": [2]})
        assert compare(tmp_path / "my.jsonl", rows, space)[0][1] == status


def test_a_row_that_was_there_before_is_no_result(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    near = [*OLD, (650.5, 0.2, "air", 7.0)]
    suggest(path, make_rows(near), space)
    for rows in (near, near[::-1]):
        assert {found[1] for found in compare(path, make_rows(rows), space)} == {"not tried"}
    assert compare(path, make_rows([(650, 0.2, "air", 8.0), *near]), space)[0] == ("b1-01", "measured", "2")


def test_one_row_answers_one_suggestion_of_a_batch_the_nearest(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    found = compare(path, make_rows([(651.5, 0.2, "air", 4.0), *OLD]), space)
    assert [status for _, status, _ in found] == ["not tried", "measured", "not tried", "not tried"]
    found = compare(path, make_rows([(651.5, 0.2, "air", 4.0), *OLD, (648, 0.2, "air", 4.0)]), space)
    assert [line for _, _, line in found] == ["6", "2", "", ""]


def test_names_of_the_first_format_count_where_a_spreadsheet_left_them_unambiguous(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    items = [
        {"design": {"t": 600.0 + 20 * place, "x": 0.3, "gas": "air"}, "predicted": {"y": [1.0, None, None]}}
        for place in range(12)
    ]
    path.write_text(json.dumps({"batch": 1, "key": "k", "rows": 3, "suggestions": items}) + "\n")
    # 1.10 became 1.1, so its design decides; 1.2 can be nothing else
    rows = make_rows([(780, 0.3, "air", 5.0), (641, 0.9, "O2", 6.0), *OLD], ["1.1", "1,2", "", "", ""])
    found = {name: status for name, status, _ in compare(path, rows, space) if status != "not tried"}
    assert found == {"b1-10": "measured", "b1-02": "measured"}


def test_names_that_are_none_are_told_with_their_line(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, *ANSWERS], ["b1-05", "b2-01", "01.Jan", "own idea", "b1-04", ""])
    said = find_unknown_names(rows, Ledger(path).batches)
    assert [line.partition(",")[0] for line in said] == [
        "line 2: Suggestion: found 'b1-05'",
        "line 3: Suggestion: found 'b2-01'",
        "line 4: Suggestion: found '01.Jan'",
    ]


@pytest.mark.parametrize("outcome", [None, -1])
def test_a_measured_row_counts_before_a_pending_or_failed_one_that_names_the_suggestion(
    tmp_path: Path, outcome: float | None
) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    added = [(800, 0.7, "O2", outcome), (800, 0.7, "O2", 4.0)]
    for names, line in ((["b1-03", ""], "6, 5"), (["", ""], "6")):
        assert compare(path, make_rows([*OLD, *added], ["", "", "", *names]), space)[2] == ("b1-03", "measured", line)


def test_rows_measured_twice_by_name_and_by_design_are_both_listed(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (800, 0.7, "O2", 5.0), (812, 0.6, "O2", 4.0)], ["", "", "", "", "b1-03"])
    found = compare_suggestions(Ledger(path).batches, rows, space, [OBJECTIVE], 0)
    assert found.loc[2, ["status", "line", "measured"]].tolist() == ["measured", "6, 5", 4.0]


def test_a_row_goes_to_a_suggestion_without_a_measured_row_first(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (650, 0.2, "air", 5.0), (650.1, 0.2, "air", 4.0)], ["", "", "", "b1-01", ""])
    assert compare(path, rows, space)[:2] == [("b1-01", "measured", "5"), ("b1-02", "measured", "6")]


def test_a_row_that_names_a_suggestion_answers_no_other_one_by_its_design(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    again = {"design": dict(zip(("t", "x", "gas"), SUGGESTED[0], strict=True)), "predicted": {"y": [2.0, 1.0, 3.0]}}
    Ledger(path).add("another", len(OLD), [again], set(digest_designs(make_rows(OLD), space.features)))
    for outcome, status in ((4.0, "measured"), (None, "pending"), (-1, "failed")):
        rows = make_rows([*OLD, (*SUGGESTED[0], outcome)], ["", "", "", "b2-01"])
        found = {name: (said, line) for name, said, line in compare(path, rows, space)}
        assert found["b2-01"] == (status, "5")
        assert found["b1-01"] == found["b1-02"] == ("not tried", "")
    # a name that the ledger lacks leaves the design to decide
    rows = make_rows([*OLD, (*SUGGESTED[0], 4.0)], ["", "", "", "b7-01"])
    assert compare(path, rows, space)[0] == ("b1-01", "measured", "5")


def test_names_given_twice_and_names_of_other_designs_are_told(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    rows = make_rows(
        [*ANSWERS, (650, 0.21, "air", 4.0), (800, 0.7, "air", 4.0), (790, 0.7, "O2", 4.0), (850, 0.5, "O2", 1.0)],
        ["b1-01", "", "own", "B1-1", "b1-02", "b1-03", "b1-04"],
    )
    said = find_name_conflicts(rows, Ledger(path).batches, space, [OBJECTIVE])
    assert [line.partition("; ")[0] for line in said] == [
        "lines 2, 5: Suggestion: 2 rows name b1-01",
        "line 6: Suggestion: names b1-02, but t is 800, suggested was 652, x is 0.7, suggested was 0.2",
        "line 8: Suggestion: names b1-04, but x is 0.5, suggested was 0.7",
    ]
    other = make_rows([(650, 0.2, "O2", 4.0)], ["b1-01"])
    assert "but gas is O2, suggested was air" in find_name_conflicts(other, Ledger(path).batches, space, [OBJECTIVE])[0]
