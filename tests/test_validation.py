"""Scores, intervals and verdicts: what may be said of a model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS

from batterymi.config.parts import Feature, Objective
from batterymi.process_pool import run_in_processes
from batterymi.statistics.bootstrap import bootstrap_interval, resample_statistic
from batterymi.statistics.intervals import (
    compute_half_widths,
    compute_percentile_interval,
    compute_q_squared,
)
from batterymi.statistics.scores import compute_mean, compute_spearman
from batterymi.surrogates import permutation
from batterymi.surrogates.importances import compute_permutation_importances
from batterymi.surrogates.permutation import run_permutation_test
from batterymi.surrogates.problem import Inputs, Problem
from batterymi.surrogates.validation import CrossValidation, Method, make_splits, predict_out_of_fold
from batterymi.vocabulary.verdicts import decide_verdict

FEATURES = (
    Feature(name="x", label="x", unit="1", bounds=(0, 1)),
    Feature(name="noise", label="noise", unit="1", bounds=(0, 1)),
)


PLAIN = Method()


def problem_of(
    frame: pd.DataFrame, observed: np.ndarray, groups: Sequence[object] | None = None, n_scored: int | None = None
) -> Problem:
    """A problem without bounds; every row its own group unless said."""
    return Problem(
        variant="all_features",
        objective=Objective(name="y", label="y", unit="1", goal="maximise"),
        inputs=Inputs(FEATURES),
        frame=frame,
        observed=observed,
        groups=list(range(len(frame))) if groups is None else groups,
        lines=np.arange(len(frame)),
        n_scored=len(frame) if n_scored is None else n_scored,
        censored=np.zeros(len(frame), dtype=bool),
    )


def validated(problem: Problem, folds: str | int = "leave_one_out") -> CrossValidation:
    """A plain cross-validation of it."""
    return CrossValidation(problem, make_splits(folds, problem.groups, 0), PLAIN, 100, 0)


@pytest.fixture
def line() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.random(12), "noise": rng.random(12)})
    return frame, 3 * frame["x"].to_numpy() + 0.01 * rng.normal(size=12)


def test_leave_one_out_of_the_mean_has_its_known_score() -> None:
    observed = np.array([1.0, 2.0, 4.0, 7.0, 9.0])
    frame = pd.DataFrame({"x": range(5), "noise": range(5)}, dtype=float)
    out = predict_out_of_fold("dummy", validated(problem_of(frame, observed)))
    assert compute_q_squared(observed, out.mean) == pytest.approx(1 - (5 / 4) ** 2)


@pytest.mark.parametrize("name", MODELS)
def test_no_row_is_predicted_by_a_model_that_saw_it(
    name: str, line: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.LEAST_STEPS", 20)
    frame, observed = line
    before = predict_out_of_fold(name, validated(problem_of(frame, observed))).mean
    changed = observed.copy()
    changed[8] = 1000.0
    after = predict_out_of_fold(name, validated(problem_of(frame, changed))).mean
    assert after[8] == before[8]
    assert not np.array_equal(after, before)


@pytest.mark.parametrize("folds", ["leave_one_out", 3, 50])
def test_no_group_stands_on_both_sides_and_every_row_is_tested_once(folds: str | int) -> None:
    groups = list("aabbbccdee")
    splits = make_splits(folds, groups, 0)
    for train, test in splits:
        assert not {groups[i] for i in train} & {groups[i] for i in test}
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(10))


def _test(frame: pd.DataFrame, observed: np.ndarray, n_tried: int = 5) -> float:
    validation = validated(problem_of(frame, observed))
    return run_permutation_test("ridge", validation, [predict_out_of_fold("ridge", validation)], 199, n_tried).p_value


def test_a_real_relation_is_told_from_chance(line: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, observed = line
    assert _test(frame, observed) == pytest.approx(5 / 200)
    shuffled = np.random.default_rng(5).permutation(observed)
    assert _test(frame, shuffled) > 0.05


def test_chance_is_rarely_called_skill() -> None:
    rng = np.random.default_rng(11)
    called = [
        _test(pd.DataFrame(rng.random((8, 2)), columns=["x", "noise"]), rng.random(8), n_tried=1) < 0.05
        for _ in range(20)
    ]
    assert sum(called) <= 4


def test_long_tables_are_tested_by_their_pairing() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((40, 2)), columns=["x", "noise"])
    observed = frame["x"].to_numpy()
    validation = validated(problem_of(frame, observed), 5)
    found = run_permutation_test("ridge", validation, [predict_out_of_fold("ridge", validation)], 999, 1)
    assert (found.method, found.p_value) == ("pairing", pytest.approx(1 / 1000))


def test_only_the_feature_that_matters_is_important(line: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, observed = line
    validation = validated(problem_of(frame, observed))
    out = predict_out_of_fold("ridge", validation)
    found = compute_permutation_importances("ridge", validation, out, 10).groupby("feature")["rmse_increase"].median()
    assert found["x"] > 0.5
    assert abs(found["noise"]) < 0.05


def test_intervals_of_normal_errors_cover_what_they_say() -> None:
    rng = np.random.default_rng(0)
    observed = rng.normal(size=4000)
    width = compute_half_widths(observed, np.zeros(4000), np.ones(4000))
    assert np.mean(abs(observed) <= width) == pytest.approx(0.95, abs=0.01)


def test_resamples_draw_whole_groups() -> None:
    groups = list("aabbbc")
    drawn: list[np.ndarray] = []

    def remember(rows: np.ndarray) -> np.ndarray:
        drawn.append(rows)
        return compute_mean(rows)

    resample_statistic(np.arange(6.0), remember, 0, groups, 50)
    for rows in drawn:
        counts = np.bincount(rows.astype(int), minlength=6)
        assert counts[0] == counts[1]
        assert counts[2] == counts[3] == counts[4]
    assert len({len(rows) for rows in drawn}) > 1


def test_a_bootstrap_agrees_with_a_plain_one_and_stays_paired() -> None:
    values = np.random.default_rng(1).normal(size=37)
    draws = np.random.default_rng(5).integers(37, size=(500, 37))
    np.testing.assert_array_equal(
        resample_statistic(values, compute_mean, 5, n_resamples=500), values[draws].mean(axis=1)
    )
    low, high = bootstrap_interval((values, values + 1), lambda first, second: compute_mean(second - first), 0)
    assert low == pytest.approx(1) == high


def test_one_group_alone_has_no_spread_and_nothing_finite_no_interval() -> None:
    assert bootstrap_interval(np.array([1.0, 3.0]), compute_mean, 0, ["a", "a"]) == (2.0, 2.0)
    assert np.isnan(bootstrap_interval(np.full(5, np.nan), compute_mean, 0)).all()


def test_a_rank_correlation_is_that_of_ranks_and_none_where_a_side_does_not_vary() -> None:
    assert compute_spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 10, 100, 50])) == pytest.approx(0.8)
    assert np.isnan(compute_spearman(np.ones(4), np.arange(4.0)))


def test_an_interval_of_nothing_is_nothing() -> None:
    assert np.isnan(compute_percentile_interval(np.array([np.nan, np.inf]))).all()


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (("dummy", 0.001, (0.0, 0.0), (1.0, 2.0)), "no skill shown"),
        (("ridge", 0.05, (1.0, 2.0), (0.0, 0.0)), "no skill shown"),
        (("ridge", 0.01, (-0.1, 2.0), (0.0, 0.0)), "no skill shown"),
        (("ridge", 0.01, (0.1, 2.0), (0.0, 0.0)), "skill shown; the linear model is best"),
        (("extra_trees", 0.01, (0.1, 2.0), (0.1, 1.0)), "skill shown; better than ridge"),
        (("extra_trees", 0.01, (0.1, 2.0), (-0.1, 1.0)), "skill shown; not better than ridge"),
        (("extra_trees", float("nan"), (0.1, 2.0), (0.1, 1.0)), "no skill shown"),
    ],
)
def test_verdicts_follow_the_evidence(arguments: tuple, verdict: str) -> None:
    assert decide_verdict(*arguments) == verdict


def test_shuffles_in_several_processes_give_the_same_test(
    line: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permutation, "WORTH_SHARING_S", 0.0)
    used = []
    monkeypatch.setattr(permutation, "run_in_processes", lambda *a, **b: used.append(a[2]) or run_in_processes(*a, **b))
    frame, observed = line
    for values in (observed, np.random.default_rng(5).permutation(observed)):
        validation = validated(problem_of(frame, values))
        outs = [predict_out_of_fold("ridge", validation)]
        here, shared = (run_permutation_test("ridge", validation, outs, 199, 5, n) for n in (1, 2))
        assert here == shared
    assert used == [2], "a test that ends early needs no others"
