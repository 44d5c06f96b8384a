"""Which model for how many rows: nested subsamples, held-out groups, honest ties."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.parts import Feature, Objective
from batterymi.figures.methods import MOST, draw_methods
from batterymi.figures.style import apply_style
from batterymi.surrogates import sample_sizes
from batterymi.surrogates.problem import Inputs, Problem
from batterymi.surrogates.sample_sizes import (
    _draw_rows,
    compare_sizes,
    compute_half_width,
    describe_methods,
    list_sizes,
    measure_sizes,
    rank_models,
)
from batterymi.surrogates.validation import Method
from batterymi.vocabulary.measured import LOWER, UPPER


@given(
    st.lists(st.integers(0, 9), min_size=4, max_size=60).filter(lambda labels: len(set(labels)) > 1), st.integers(0, 9)
)
def test_held_out_groups_are_whole_and_never_all(labels: list[int], seed: int) -> None:
    order, test = _draw_rows(labels, np.random.default_rng(seed))
    assert sorted([*order, *test]) == list(range(len(labels)))
    assert not {labels[row] for row in order} & {labels[row] for row in test}
    assert len(order)
    assert len(test)


def make_problem(n: int) -> Problem:
    """A straight line with noise, in groups of two."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(size=n), "z": rng.uniform(size=n)})
    features = tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in frame)
    target = Objective(name="y", label="y", unit="1", goal="maximise")
    observed = 3 * frame["x"].to_numpy() + 0.1 * rng.normal(size=n)
    inputs, groups = Inputs(features), [row // 2 for row in range(n)]
    return Problem("all", target, inputs, frame, observed, groups, np.arange(n), n, np.zeros(n, dtype=np.int8))


def test_on_a_straight_line_ridge_is_best_and_the_nearest_row_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_sizes, "MODELS", ("ridge", "nearest_neighbour"))
    measured = measure_sizes(make_problem(120), Method(trees=10), 0, 4)
    assert set(measured["rows"]) == {10, 20, 50} == set(list_sizes(120))
    compared = compare_sizes(measured.assign(study="line"))
    ridge = compared[compared["model"] == "ridge"]
    assert ridge["is_best"].all()
    assert (ridge["ratio"] < 0.4).all()
    assert ridge.set_index("rows")["has_skill"][50]
    assert not compared.set_index(["model", "rows"])["is_tied"]["nearest_neighbour", 50]
    ranked = rank_models(compared)
    assert ranked["tied_in"].max() == 1
    said = describe_methods(ranked)[-1]
    assert said.startswith("50 rows (1 study): no difference from the best model shown in 1: ridge (0.")
    assert "nearest" not in said


def test_errors_are_of_all_held_out_rows_whose_value_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sides are numbers: their bitwise complement, once the index, tested one row a hundred times."""
    monkeypatch.setattr(sample_sizes, "MODELS", ("ridge",))
    plain = make_problem(120)
    sides = np.where(np.arange(120) % 3 == 0, np.where(np.arange(120) % 2, UPPER, LOWER), 0).astype(np.int8)
    problem = replace(plain, censored=sides)
    measured = measure_sizes(problem, Method(trees=10), 0, 3).drop_duplicates("draw").set_index("draw")
    for draw in range(3):
        order, test = _draw_rows(problem.groups, np.random.default_rng([0, draw]))
        known = [row for row in test if sides[row] == 0]
        mean = problem.observed[order[:10]].mean()
        assert 0 < len(known) < len(test)
        assert measured["tested"][draw] == len(known)
        assert measured["mae_dummy"][draw] == pytest.approx(np.mean([abs(plain.observed[row] - mean) for row in known]))


def test_a_model_that_is_worse_than_the_mean_is_not_named_for_its_wide_interval() -> None:
    table = {"rows": 10, "studies": 2, "best_in": [2, 0], "tied_in": 2, "skill_in": [1, 0]}
    ranked = pd.DataFrame(table | {"model": ["blend", "ridge"], "ratio": [0.8, 8.5]})
    (said,) = describe_methods(ranked)
    assert "blend (0.80)" in said
    assert "ridge" not in said
    assert describe_methods(ranked[1:]) == ["10 rows (2 studies): no model does better than the mean on average"]


def test_of_noise_no_model_shows_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    """What draws share widens the interval: ten draws of one table are no ten tables."""
    monkeypatch.setattr(sample_sizes, "MODELS", ("ridge", "nearest_neighbour"))
    problem = make_problem(120)
    noise = problem.replace_observed(np.random.default_rng(1).normal(size=120))
    compared = compare_sizes(measure_sizes(noise, Method(trees=10), 0, 6).assign(study="noise"))
    assert not compared["has_skill"].any()


def test_lines_of_models_can_be_told_apart_and_one_far_off_is_a_number_at_the_edge() -> None:
    names = sample_sizes.MODELS
    ratios = {name: 0.5 + 0.05 * place for place, name in enumerate(names)} | {"ridge": 8.5}
    compared = pd.DataFrame({"study": "one", "rows": 10, "model": names, "ratio": [ratios[name] for name in names]})
    with apply_style():
        figure = draw_methods(compared, compared.assign(studies=1))
        lines = [line for line in figure.axes[0].lines if line.get_label().replace(" ", "_") in names]
        assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == len(names)
        assert max(line.get_ydata().max() for line in lines) == MOST
        assert [text.get_text() for text in figure.axes[0].texts] == ["8.5"]
        assert {"1", "number of studies:"} <= {text.get_text() for text in figure.axes[1].texts}
        low, high = figure.axes[0].get_ylim()
        assert low < 0.5
        assert high > MOST


def test_intervals_of_draws_that_overlap_are_wider_than_of_independent_ones() -> None:
    values = np.array([0.1, 0.3, 0.2, 0.4])
    plain = 3.182446 * np.std(values, ddof=1) / 2  # Student's t with three degrees of freedom
    assert compute_half_width(values) == pytest.approx(plain * 2**0.5, rel=1e-5)  # 1/4 + 0.2/0.8 instead of 1/4
    assert compute_half_width(values[:1]) == np.inf
