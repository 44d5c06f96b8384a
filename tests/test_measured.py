"""Nested validation, leaks, bounds, pools and transfer, on problems whose answer is known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.training import TrainingSettings
from batterymi.files import read_json, write_json
from batterymi.optimise.engines.pool import correlate_rows, propose_rows
from batterymi.reporting.use import describe_official_test
from batterymi.statistics.intervals import compute_conformal_factor
from batterymi.surrogates.applicability import compute_error_by_distance, compute_held_out_distances
from batterymi.surrogates.censoring import compare_treatments
from batterymi.surrogates.comparison import refit_model
from batterymi.surrogates.curve import compute_learning_curve
from batterymi.surrogates.leaks import compare_groupings, find_single_features
from batterymi.surrogates.model import find_model
from batterymi.surrogates.noise import estimate_noise_floor
from batterymi.surrogates.official import HeldOutRows, score_official_test
from batterymi.surrogates.partitions import repeat_validation
from batterymi.surrogates.permutation import run_permutation_test
from batterymi.surrogates.problem import Inputs, Problem, label_joint_groups
from batterymi.surrogates.store import StoredModel
from batterymi.surrogates.validate import compute_calibration
from batterymi.surrogates.validation import (
    CrossValidation,
    Method,
    check_groups_disjoint,
    impute_censored,
    make_splits,
    predict_out_of_fold,
    tune_hyperparameters,
)

NESTED = Method(inner_folds=4, trees=30)


def problem_of(
    matrix: np.ndarray,
    observed: np.ndarray,
    groups: Sequence[object] | None = None,
    n_scored: int | None = None,
    censored: np.ndarray | None = None,
) -> Problem:
    """A problem whose features are x0, x1 and so on."""
    names = [f"x{number}" for number in range(matrix.shape[1])]
    return Problem(
        variant="all_features",
        objective=Objective(name="y", label="y", unit="1", goal="maximise"),
        inputs=Inputs(tuple(Feature(name=name, label=name, unit="1") for name in names)),
        frame=pd.DataFrame(matrix, columns=names),
        observed=observed,
        groups=list(range(len(matrix))) if groups is None else groups,
        lines=np.arange(len(matrix)),
        n_scored=len(matrix) if n_scored is None else n_scored,
        censored=np.zeros(len(matrix), dtype=bool) if censored is None else censored,
    )


def validated(problem: Problem, folds: int = 5, method: Method = NESTED, bootstraps: int = 500) -> CrossValidation:
    """A cross-validation of it."""
    return CrossValidation(problem, make_splits(folds, problem.groups, 0), method, bootstraps, 0)


def compared(problem: Problem, name: str, rows: pd.DataFrame, group: str) -> list[dict[str, Any]]:
    """A model by random folds and by groups."""
    settings = TrainingSettings.model_validate(
        {
            **{"title": "t", "features": [], "descriptors": [], "ablations": [], "remarks": [], "seed": 0},
            "table": {"file": "x.csv", "group": group},
            "objectives": [problem.objective],
            "surrogate": {"folds": 5, "trees": 30, "bootstraps": 500},
            "primary_variant": "all_features",
        }
    )
    validation = repeat_validation(problem, settings.surrogate, 500, 0, 5)
    outs = [predict_out_of_fold(name, one) for one in validation.validations]
    return compare_groupings(name, validation, outs, rows, settings)


@pytest.fixture
def papers() -> tuple[Problem, pd.DataFrame]:
    """Rows of one paper share features and an offset that no feature tells."""
    rng = np.random.default_rng(0)
    paper = np.repeat(np.arange(20), 6)
    matrix = rng.normal(size=(20, 3))[paper] + 0.05 * rng.normal(size=(120, 3))
    observed = matrix[:, 0] + rng.normal(size=20)[paper] + 0.1 * rng.normal(size=120)
    rows = pd.DataFrame({"paper": paper, "line": np.arange(120), "split": "train", "y": observed})
    return problem_of(matrix, observed, list(paper)), rows


def test_rows_of_one_paper_help_each_other_and_the_guard_says_so(papers: tuple[Problem, pd.DataFrame]) -> None:
    problem, rows = papers
    found = compared(problem, "extra_trees", rows, "paper")
    assert [entry["split"] for entry in found] == ["random", "paper"]
    assert found[0]["r2"] > 0.9 > 0.6 > found[1]["r2"]
    assert "optimistic" in found[1]["warning"]


def test_independent_rows_raise_no_warning() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(120, 3))
    observed = matrix[:, 0] + 0.3 * rng.normal(size=120)
    rows = pd.DataFrame({"lot": np.arange(120) % 20, "line": np.arange(120), "split": "train"})
    problem = problem_of(matrix, observed, list(rows["lot"]))
    found = compared(problem, "ridge", rows, "lot")
    assert not any(entry["warning"] for entry in found)


def test_a_split_in_which_a_group_straddles_is_refused() -> None:
    with pytest.raises(ValueError, match="1 groups are in both train and test"):
        check_groups_disjoint([(np.array([0, 1]), np.array([2]))], np.array([0, 1, 1]))


def test_one_group_alone_cannot_be_held_out() -> None:
    with pytest.raises(ValueError, match="all rows are of one group"):
        make_splits(5, ["a"] * 10, 0)


def test_rows_of_a_related_task_join_only_folds_that_do_not_test_their_group() -> None:
    groups = ["a", "b", "c", "d", "a", "c", "z"]
    splits = make_splits(4, groups, 0, n_scored=4)
    assert sorted(np.concatenate([test for _, test in splits])) == [0, 1, 2, 3]
    for train, test in splits:
        assert 6 in train
        assert not {groups[row] for row in train} & {groups[row] for row in test}
        assert (4 in train) == (groups[test[0]] != "a")


def test_a_feature_that_is_the_objective_in_other_words_is_flagged() -> None:
    rng = np.random.default_rng(0)
    observed = rng.normal(size=150)
    matrix = np.column_stack([np.exp(observed), rng.normal(size=150), 2 * observed + 0.1 * rng.normal(size=150)])
    found = {entry["feature"] for entry in find_single_features(problem_of(matrix, observed))}
    assert found == {"x0", "x2"}


def test_five_rows_of_chance_are_not_flagged() -> None:
    flagged = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        flagged += bool(find_single_features(problem_of(rng.normal(size=(5, 1)), rng.normal(size=5))))
    assert flagged <= 3


def test_the_noise_floor_is_the_scatter_of_repeats() -> None:
    rng = np.random.default_rng(0)
    sample = np.repeat(np.arange(300), 3)
    rows = pd.DataFrame(
        {"sample": sample, "y": rng.normal(scale=3, size=300)[sample] + rng.normal(scale=0.5, size=900)}
    )
    found = estimate_noise_floor(rows, "y", "sample", None, 0)
    assert found["sets"] == 300
    assert found["deviation_lower"] < 0.5 < found["deviation_upper"]
    assert found["mae_of_a_perfect_model"] == pytest.approx(0.5 * np.sqrt(2 / np.pi), rel=0.06)
    assert estimate_noise_floor(rows.drop_duplicates("sample"), "y", "sample", None, 0) == {"sets": 0}


def test_conformal_intervals_cover_what_they_promise_on_held_out_rows() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-1, 1, size=(400, 2))
    observed = matrix[:, 0] + (0.1 + np.abs(matrix[:, 1])) * rng.standard_t(3, size=400)
    problem = problem_of(matrix, observed)
    for name in ("extra_trees", "ridge"):
        validation = validated(problem, bootstraps=200)
        for entry in compute_calibration(validation, predict_out_of_fold(name, validation)):
            assert entry["coverage"] == pytest.approx(entry["level"], abs=0.05)


def test_a_conformal_factor_is_the_right_order_statistic() -> None:
    scores = np.arange(1.0, 10.0)
    assert compute_conformal_factor(scores, 0.5) == 5.0
    assert compute_conformal_factor(scores, 0.8) == 8.0
    assert compute_conformal_factor(scores, 0.95) == 9.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_intervals_agree_with_an_independent_library() -> None:
    regression = pytest.importorskip("mapie.regression")
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold, cross_val_predict

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    y = x[:, 0] + rng.normal(size=200)
    folds = KFold(5)
    ours = compute_conformal_factor(np.abs(y - cross_val_predict(LinearRegression(), x, y, cv=folds)), 0.8)
    library = regression.CrossConformalRegressor(LinearRegression(), confidence_level=0.8, method="base", cv=folds)
    _, theirs = library.fit_conformalize(x, y).predict_interval(np.zeros((1, 1)))
    assert float(theirs[0, 1, 0] - theirs[0, 0, 0]) / 2 == pytest.approx(ours, rel=0.02)


def test_hyperparameters_are_chosen_without_the_rows_that_are_tested() -> None:
    rng = np.random.default_rng(0)
    matrix, observed = rng.normal(size=(60, 3)), rng.normal(size=60)
    problem = problem_of(matrix, observed)
    changed = observed.copy()
    changed[:12] = 1e3 * rng.normal(size=12)
    rows = np.arange(12, 60)
    first = tune_hyperparameters("extra_trees", problem, rows, NESTED, 0)
    second = tune_hyperparameters("extra_trees", problem.replace_observed(changed), rows, NESTED, 0)
    assert first.settings == second.settings
    assert first.settings in find_model("extra_trees").grid
    np.testing.assert_array_equal(first.errors, second.errors)


def test_groups_are_joined_through_any_of_their_columns() -> None:
    rows = pd.DataFrame({"doi": list("aabcd"), "formula": list("xyyzw")})
    labels = label_joint_groups(rows, ["doi", "formula"])
    assert labels[0] == labels[1] == labels[2]
    assert len(set(labels)) == 3
    assert label_joint_groups(rows, ["doi"]) == list("aabcd")
    assert label_joint_groups(rows, []) == [0, 1, 2, 3, 4]


def test_shuffling_keeps_groups_together_so_that_shared_offsets_do_not_look_like_skill() -> None:
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(8), 10)
        matrix = rng.normal(size=(8, 2))[group]
        problem = problem_of(matrix, rng.normal(size=8)[group] + 0.05 * rng.normal(size=80), list(group))
        validation = validated(problem, 8, Method())
        called += (
            run_permutation_test("ridge", validation, [predict_out_of_fold("ridge", validation)], 199, 1).p_value < 0.05
        )
    assert called <= 4


@pytest.fixture
def bounded() -> tuple[Problem, np.ndarray]:
    """A straight line of which everything below -1 is only known as a bound; and the truth."""
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-3, 3, size=(200, 1))
    truth = matrix[:, 0] + 0.1 * rng.normal(size=200)
    censored = truth < -1
    return problem_of(matrix, np.where(censored, -1.0, truth), censored=censored), truth


def test_bounds_become_what_is_expected_below_them(bounded: tuple[Problem, np.ndarray]) -> None:
    problem, truth = bounded
    learned = impute_censored(problem, np.arange(200), 0)
    known = ~problem.censored
    np.testing.assert_array_equal(learned[known], truth[known])
    assert (learned[~known] <= -1).all()
    assert np.abs(learned - truth).mean() < np.abs(problem.observed - truth).mean()


def test_the_effect_of_bounds_is_told(bounded: tuple[Problem, np.ndarray]) -> None:
    problem, _ = bounded
    found = compare_treatments("ridge", validated(problem, method=Method(), bootstraps=200), {})
    ways = found["treatments"]
    assert found["n_censored"] == int(problem.censored.sum())
    assert ways["expected"]["mae_one_sided"] < ways["bound"]["mae_one_sided"]
    assert ways["expected"]["change"]["upper"] < 0


def test_far_rows_are_flagged_and_predicted_worse() -> None:
    rng = np.random.default_rng(0)
    matrix = np.vstack([rng.normal(size=(180, 2)), rng.uniform(4, 8, size=(20, 2)) * rng.choice([-1, 1], size=(20, 2))])
    observed = (matrix**2).sum(axis=1)
    problem = problem_of(matrix, observed)
    validation = validated(problem)
    out = predict_out_of_fold("extra_trees", validation)
    found = compute_error_by_distance(validation, out, compute_held_out_distances(validation))
    assert found["rows_beyond"] == 20
    assert found["mae_beyond_lower"] > found["mae_within_upper"]
    assert found["spearman"] > 0.3
    assert sum(entry["rows"] for entry in found["bins"]) == 200


def test_a_learning_curve_falls_and_is_carried_on_with_an_interval() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-2, 2, size=(300, 2))
    problem = problem_of(matrix, np.sin(3 * matrix[:, 0]) + 0.05 * rng.normal(size=300))
    found = compute_learning_curve("extra_trees", validated(problem, bootstraps=300), {})
    errors = [point["mae"] for point in found["points"]]
    assert errors == sorted(errors, reverse=True)
    assert found["doubled"]["rows"] == 2 * 240
    low, high = found["doubled"]["change_interval"]
    assert low <= found["doubled"]["change"] <= high < 0


def refitted(name: str, validation: CrossValidation) -> StoredModel:
    """The model that a study keeps."""
    out = predict_out_of_fold(name, validation)
    return refit_model(name, validation, out, compute_held_out_distances(validation))


def test_the_official_test_learns_from_training_rows_alone() -> None:
    rng = np.random.default_rng(0)
    matrix, weights = rng.normal(size=(120, 3)), np.array([1.0, 0.0, -1.0])
    observed = matrix @ weights + 0.1 * rng.normal(size=120)
    validation = validated(problem_of(matrix[:80], observed[:80]), bootstraps=300)
    frame = pd.DataFrame(matrix[80:], columns=["x0", "x1", "x2"])
    test = HeldOutRows(frame, frame, observed[80:], np.zeros(40, dtype=bool), range(40))
    found = score_official_test(refitted("ridge", validation), ["dummy"], validation, test)
    assert found["scores"]["ridge"]["r2"] > 0.98
    assert found["gain_over"]["dummy"]["lower"] > 0
    mirrored = replace(test, observed=-observed[80:])
    worse = score_official_test(refitted("ridge", validation), ["dummy"], validation, mirrored)
    assert worse["predictions"] == found["predictions"]


def test_an_official_test_whose_predictions_are_all_the_same_is_told_without_a_rank_correlation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    matrix, observed = rng.normal(size=(60, 3)), rng.normal(size=60)
    validation = validated(problem_of(matrix[:40], observed[:40]), bootstraps=50)
    frame = pd.DataFrame(matrix[40:], columns=["x0", "x1", "x2"])
    test = HeldOutRows(frame, frame, observed[40:], np.arange(20) == 0, range(20))
    found = score_official_test(refitted("dummy", validation), [], validation, test) | {"looks": 1, "note": ""}
    write_json(tmp_path / "validation.json", {"y": {"test": found}})
    text = describe_official_test(read_json(tmp_path / "validation.json")["y"]["test"], " eV")
    assert "no rank correlation on 20 rows" in text


def test_a_pool_engine_finds_the_best_sooner_and_repeats_nothing() -> None:
    saved = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        matrix = rng.uniform(-1, 1, size=(200, 3))
        values = ((matrix - 0.4) ** 2).sum(axis=1) + 0.02 * rng.normal(size=200)
        order = rng.permutation(200)
        correlations, chosen = correlate_rows(matrix), order[:10]
        while len(chosen) < 60:
            chosen = np.concatenate([chosen, propose_rows(correlations, chosen, values[chosen], 5)])
        assert len(set(chosen)) == 60
        best = set(np.argsort(values)[:2])
        ours = next(i for i, row in enumerate([*chosen, *best]) if row in best)
        saved.append(next(i for i, row in enumerate(order) if row in best) - ours)
    assert np.mean(saved) > 20


def test_a_pool_engine_proposes_what_is_left_and_then_nothing() -> None:
    correlations = correlate_rows(np.arange(6.0)[:, None])
    rest = propose_rows(correlations, np.array([0, 3]), np.array([1.0, 1.0]), 10)
    assert sorted(rest) == [1, 2, 4, 5]
    assert propose_rows(correlations, np.arange(6), np.zeros(6), 1).size == 0


def test_the_first_of_equal_rows_of_a_pool_is_proposed_however_rounding_goes() -> None:
    rng = np.random.default_rng(2)
    matrix = np.repeat(rng.normal(size=(30, 4)), 2, axis=0)
    values = np.sin(matrix).sum(axis=1)
    known = np.arange(0, 20)
    found = [propose_rows(correlate_rows(scale * matrix), known, values[known], 6) for scale in (1.0, 1 / 3, np.pi)]
    assert found[0][0] % 2 == 0
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()


def test_rows_out_of_the_training_part_are_not_scored() -> None:
    problem = problem_of(np.zeros((6, 1)), np.arange(6.0), n_scored=4)
    assert problem.scored.tolist() == [0, 1, 2, 3]
    assert len(replace(problem, n_scored=2).scored_groups) == 2
