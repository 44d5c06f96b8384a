"""The exercises: conditions that hold held out, weights that are large enough, answers of the right length."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.slices.exercises import ExerciseSettings
from batterymi.files import read_json
from batterymi.reporting.exercises import MAX_CHARACTERS, answer_transfer, find_least_weight
from batterymi.stages.answer_exercises import answer_exercises
from batterymi.surrogates.conditions import find_bounds, validate_bounds

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({name: RNG.uniform(size=200) for name in "abcd"})
GROUPS = [row // 4 for row in range(200)]


def test_bounds_on_the_descriptors_that_matter_are_found_and_hold_for_other_groups() -> None:
    is_good = ((FRAME["a"] > 0.5) & (FRAME["c"] < 0.4)).to_numpy()
    found = validate_bounds(FRAME, is_good, GROUPS, 3, 0)
    assert {re.match(r"\w+ at (least|most)", text)[0] for text in found["bounds"]} >= {"a at least", "c at most"}
    assert found["precision"] > 0.8
    assert found["lift_interval"][0] > 1
    assert list(found["chosen"])[:2] in (["a", "c"], ["c", "a"])


def test_of_chance_nothing_is_left_held_out() -> None:
    """A search over some hundred bounds finds some that fit any labels; on other groups they are worth nothing."""
    is_good = np.random.default_rng(5).uniform(size=200) < 0.2
    inside = np.all([bound.is_met(FRAME) for bound in find_bounds(FRAME, is_good, 3)], axis=0)
    assert is_good[inside].mean() > 1.3 * is_good.mean()
    low, high = validate_bounds(FRAME, is_good, GROUPS, 3, 0)["lift_interval"]
    assert low < 1 < high


@given(st.lists(st.tuples(st.floats(1, 60), st.floats(0, 30)), min_size=1, max_size=12))
def test_the_least_weight_makes_a_design_that_keeps_the_limit_best_and_a_smaller_one_does_not(
    designs: list[tuple[float, float]],
) -> None:
    cost, excess = (np.array(column, float) for column in zip(*designs, strict=True))
    weight = find_least_weight(cost, excess)
    if weight is None:
        assert (excess > 1).all()
        return
    total = cost + weight * excess
    assert total[excess <= 1].min() <= total.min() + 1e-6 * max(1.0, weight)
    if weight > 1e-3:
        less = cost + 0.999 * weight * excess
        assert less[excess > 1].min() < less[excess <= 1].min() + 1e-9


@given(st.floats(0.01, 99), st.floats(0.01, 99), st.sampled_from(["gain", "no gain shown", "no gain that matters"]))
def test_the_fifth_answer_has_at_most_400_characters(few: float, many: float, verdict: str) -> None:
    curves = [
        {"strategy": name, "rows": rows, "mae": mae}
        for name in ("own rows only", "pooled with Li")
        for rows, mae in ((10, few), (262, many))
    ]
    found = {"curves": curves, "source": ["Li"], "strategies": [{"strategy": "pooled with Li", "verdict": verdict}]}
    answer = answer_transfer(found, ["x.json"])
    assert len(answer.text) <= MAX_CHARACTERS
    assert verdict in answer.text


def test_what_this_run_does_not_have_is_named_and_nothing_is_made_up(tmp_path: Path) -> None:
    answers, page = tmp_path / "answers.json", tmp_path / "answers.html"
    settings = ExerciseSettings(conductors=None, hosts=None, charges=None)
    answer_exercises({}, answers, tmp_path / "answers.md", page, settings)
    found = read_json(answers)["exercises"]
    assert [entry["number"] for entry in found] == [1, 2, 3, 4, 5]
    for number in (1, 2, 3, 5):
        assert found[number - 1]["text"].startswith("Not in this run: it needs the study ")
        assert not found[number - 1]["sources"]
    assert found[3]["rows"][0][2:] == ["212.0", "215.8", "+3.8"]  # 180 + 40 ni - 20 (ni - 0.8)²
    assert "measured.yaml" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("is_lower", [True, False])
def test_a_row_without_the_descriptor_never_meets_a_bound(is_lower: bool) -> None:
    frame = pd.DataFrame({"a": [0.0, np.nan, 1.0]})
    bounds = find_bounds(frame, np.array([not is_lower, False, is_lower]), 1)
    assert [bound.is_lower for bound in bounds] == [is_lower]
    assert not bounds[0].is_met(frame)[1]
