"""What changed since the last batch is told once: bounds, choices, goals, and rows."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import listed

from batterymi.config.parts import Constraint, Feature, Objective
from batterymi.errors import TableError
from batterymi.optimise.campaigns.changes import MOST_ROWS, State, describe_changes
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.ledger_lines import read_batch

T = Feature(name="t", label="T", unit="°C", bounds=(650, 900))
GAS = Feature(name="gas", label="gas", unit="1", choices=("air", "O2"))
Y = Objective(name="y", label="y", unit="mAh/g", goal="maximise")
Z = Objective(name="z", label="z", unit="1", goal="limit", at_least=5)
DRY = Constraint(name="dry", expression="t <= 800")


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of t, gas, y, z, split and a name."""
    frame = pd.DataFrame(rows, columns=["t", "gas", "y", "z", "split", "sample"])
    frame[["t", "y", "z"]] = frame[["t", "y", "z"]].astype(float)
    return frame.assign(line=range(2, len(rows) + 2))


ROWS = (
    (700, "air", 158, 9, "train", "S1"),
    (700, "air", 159, 9, "train", "S2"),
    (750, "O2", 140, None, "train", "S3"),
    (800, "O2", 150, 8, "train", "S4"),
    (850, "O2", None, None, "pending", "S5"),
)


def state(rows: Any = ROWS, features: Any = (T, GAS), objectives: Any = (Y, Z), **more: Any) -> State:
    """A study."""
    return State(table(*rows), features, objectives, **{"id_column": "sample", **more})


def changes(path: Path, before: State, now: State) -> list[str]:
    """What is told after a batch that was made before, without the batch."""
    Ledger(path).add("k", 5, listed(1), units={"t": "°C", "gas": "1", "y": "mAh/g", "z": "1"}, state=before.as_dict())
    said = describe_changes(Ledger(path).batches[-1], now)
    assert all(line.startswith("since batch 1: ") for line in said)
    return [line.removeprefix("since batch 1: ") for line in said]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, []),
        (
            {"features": (T.model_copy(update={"bounds": (650, 950)}), GAS)},
            ["bounds of t were 650 to 900, are 650 to 950"],
        ),
        ({"features": (T.model_copy(update={"step": 5.0}), GAS)}, ["step of t was none, is 5"]),
        (
            {"features": (T, GAS.model_copy(update={"choices": ("air", "Ar")}))},
            ["choices of gas: added Ar, removed O2"],
        ),
        (
            {"objectives": (Y.model_copy(update={"goal": "minimise"}), Z.model_copy(update={"at_least": 7}))},
            ["goal of y was maximise, is minimise", "at_least of z was 5, is 7"],
        ),
        (
            {"objectives": (Y.model_copy(update={"goal": "target", "target": (1.0, 2.5)}), Z)},
            ["goal of y was maximise, is target", "target of y was none, is 1 to 2.5"],
        ),
        ({"objectives": (Y,)}, ["the objective z is gone"]),
        ({"constraints": (DRY,)}, ["the constraint dry is new"]),
    ],
)
def test_changes_of_the_problem_are_told(now: dict[str, Any], said: list[str], tmp_path: Path) -> None:
    assert changes(tmp_path / "my.jsonl", state(), state(**now)) == said


def test_a_corrected_unit_moves_no_bounds(tmp_path: Path) -> None:
    limited = Y.model_copy(update={"at_least": 150})
    before = state(features=(T.model_copy(update={"step": 10.0}), GAS), objectives=(limited, Z))
    kelvin = T.model_copy(update={"unit": "K", "bounds": (923.15, 1173.15), "step": 10.0})
    other = limited.model_copy(update={"unit": "Ah/g", "at_least": 0.15})
    rows = [(row[0] + 273.15, row[1], row[2] and row[2] / 1000, *row[3:]) for row in ROWS]
    assert changes(tmp_path / "my.jsonl", before, state(rows, (kelvin, GAS), (other, Z))) == []
    wider = kelvin.model_copy(update={"bounds": (923.15, 1273.15), "step": 5.0})
    assert changes(tmp_path / "other.jsonl", before, state(rows, (wider, GAS), (other, Z))) == [
        "bounds of t were 923.15 to 1173.15, are 923.15 to 1273.15",
        "step of t was 10, is 5",
    ]


def with_row(number: int, *row: Any) -> tuple[Any, ...]:
    """The rows with one that is another now."""
    return (*ROWS[:number], *([row] if row else []), *ROWS[number + 1 :])


@pytest.mark.parametrize(
    ("rows", "said", "without_names"),
    [
        (ROWS[::-1], [], []),
        (with_row(4, 850, "O2", 170, 9, "train", "S5"), [], []),  # a result that came
        (with_row(2, 750, "O2", 140, 7, "train", "S3"), [], []),  # and a late one
        ((*ROWS, (700, "air", 160, 9, "train", "S6")), [], []),  # another replicate
        (
            with_row(0, 700, "air", 161, 9, "train", "S1"),
            ["line 2 (S1): y was 158, is 161"],
            ["line 2: y was 158, is 161"],
        ),
        (
            with_row(1, 700, "air", 161, 9, "train", "S2"),
            ["line 3 (S2): y was 159, is 161"],
            ["line 3: y was 159, is 161"],
        ),
        (
            with_row(3, 810, "O2", 150, 8, "train", "S4"),
            ["line 5 (S4): t was 800, is 810"],
            ["line 5: t was 800, is 810"],
        ),
        (
            with_row(3, 800, "O2", None, 8, "train", "S4"),
            ["line 5 (S4): y was 150, has no value now"],
            ["line 5: y was 150, has no value now"],
        ),
        (
            with_row(3, 800, "O2", None, None, "withdrawn", "S4"),
            ["line 5 (S4): was learned from, and is withdrawn now"],
            ["line 5: was learned from, and is withdrawn now"],
        ),
        (with_row(3), ["a row is gone (S4): t 800, gas O2, y 150, z 8"], ["a row is gone: t 800, gas O2, y 150, z 8"]),
    ],
)
def test_rows_that_were_corrected_are_told_and_new_ones_are_not(
    rows: Any, said: list[str], without_names: list[str], tmp_path: Path
) -> None:
    assert changes(tmp_path / "a.jsonl", state(), state(rows)) == said
    assert changes(tmp_path / "b.jsonl", state(id_column=None), state(rows, id_column=None)) == without_names


def test_a_change_is_told_until_the_next_batch_and_then_no_more(tmp_path: Path) -> None:
    path, now = tmp_path / "my.jsonl", state(with_row(0, 700, "air", 161, 9, "train", "S1"))
    assert changes(path, state(), now)
    Ledger(path).add("k2", 5, listed(2), state=now.as_dict())
    assert describe_changes(Ledger(path).batches[-1], now) == []


def test_another_unit_is_no_correction(tmp_path: Path) -> None:
    rows = [(row[0] + 273.15, *row[1:]) for row in ROWS]
    kelvin = T.model_copy(update={"unit": "K", "bounds": (923.15, 1173.15)})
    said = changes(tmp_path / "my.jsonl", state(), state(rows, features=(kelvin, GAS)))
    assert said == []


def test_long_tables_keep_no_results_and_older_ledgers_tell_nothing(tmp_path: Path) -> None:
    many = state([(600 + i / 100, "air", i, 9, "train", f"S{i}") for i in range(MOST_ROWS + 1)])
    assert "results" not in many.as_dict()
    path = tmp_path / "my.jsonl"
    Ledger(path).add("k", 5, listed(1))
    assert describe_changes(Ledger(path).batches[-1], state()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"problem": []}, "problem: found []; expected an object with"),
        ({"problem": {"features": {"t": 5}}}, 'problem: found {"features": {"t": 5}}'),
        ({"results": []}, "results: found []; expected an object with"),
        ({"results": {"features": "t"}}, 'results.features: found "t"; expected a list of columns'),
        ({"results": {"features": [], "outcomes": ["y"], "rows": [["a", [], []]]}}, "results.rows.0: found"),
        ({"results": {"features": [], "outcomes": ["y"], "rows": [["a", [], [{}]]]}}, "results.rows.0: found"),
    ],
)
def test_what_a_ledger_says_of_the_study_is_checked(change: dict[str, Any], said: str) -> None:
    line = json.dumps({"batch": 1, "key": "k", "rows": 3, "suggestions": listed(1.5)} | change).encode()
    with pytest.raises(TableError) as caught:
        read_batch(Path("my.jsonl"), 7, line)
    assert str(caught.value).startswith(f"my.jsonl: line 7 is not a batch of suggestions: {said}")


ANY = st.tuples(
    st.sampled_from([700, 750]), st.sampled_from(["air", "O2"]), st.none() | st.integers(1, 3), st.none() | st.just(9),
    st.sampled_from(["train", "pending", "failed", "withdrawn"]), st.sampled_from(["S1", "S2", "S3"]),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(ANY, max_size=6), st.lists(ANY, max_size=6), st.booleans())
def test_every_row_that_was_learned_from_is_there_or_told(first: Any, second: Any, has_names: bool) -> None:
    ids = {"id_column": "sample"} if has_names else {"id_column": None}
    before, now = state(first, **ids), state(second, **ids)
    line = {"batch": 1, "key": "k", "rows": 3, "suggestions": []} | before.as_dict()
    said = describe_changes(read_batch(Path("a"), 1, json.dumps(line).encode()), now)
    counts = [sum(row[4] == "train" for row in rows) for rows in (first, second)]
    assert len(said) >= counts[0] - counts[1]
    assert first != second or said == []
