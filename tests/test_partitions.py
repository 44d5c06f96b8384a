"""Scores over several partitions into folds: their intervals cover, and jobs of their own change nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.config.models import Surrogate
from batterymi.config.slices.training import PartitionSettings, TrainingSettings
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json, write_json, write_parquet
from batterymi.stages.train_surrogate import PartitionFiles, SurrogateFiles, train_surrogate
from batterymi.stages.validate_partition import validate_partition
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.grouped import draw_groups, estimate, stretch_interval
from batterymi.statistics.intervals import compute_q_squared
from batterymi.statistics.scores import MAE, MEAN, R2, SPEARMAN, compute_paired_difference, compute_scores
from batterymi.surrogates.validation import make_splits

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def fit_ridge(learned: np.ndarray, observed: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Predictions of a linear model."""
    middle, centred = learned.mean(axis=0), learned - learned.mean(axis=0)
    penalty = np.eye(learned.shape[1])
    weights = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (observed - observed.mean()))
    return np.asarray((tested - middle) @ weights + observed.mean())


def take_nearest(learned: np.ndarray, observed: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """The value of the nearest row."""
    return np.asarray(observed[((tested[:, None] - learned[None]) ** 2).sum(axis=-1).argmin(axis=1)])


def hold_out(fit: Fit, matrix: np.ndarray, observed: np.ndarray, groups: np.ndarray, partition: int) -> np.ndarray:
    """Held-out predictions by one partition of the groups into five folds."""
    predicted = np.empty(len(observed))
    for train, test in make_splits(5, list(groups), 0, partition=partition):
        predicted[test] = fit(matrix[train], observed[train], matrix[test])
    return predicted


def draw_table(rng: np.random.Generator, n_groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in groups of several sizes that share features and an offset which no feature tells."""
    groups = np.repeat(np.arange(n_groups), 1 + rng.geometric(0.25, size=n_groups))
    matrix = 0.8 * rng.normal(size=(n_groups, 5))[groups] + 0.6 * rng.normal(size=(len(groups), 5))
    observed = matrix[:, 0] + 0.5 * np.sin(2 * matrix[:, 1]) + 0.7 * rng.normal(size=n_groups)[groups]
    return matrix, observed + 0.5 * rng.normal(size=len(groups)), groups


@pytest.mark.parametrize("fit", [fit_ridge, take_nearest])
def test_intervals_over_five_partitions_cover_the_expected_score_and_those_of_one_do_not(fit: Fit) -> None:
    scores: dict[str, list[tuple[float, float, float]]] = {"mae": [], "r2": [], "single": []}
    for seed in range(120):
        matrix, observed, groups = draw_table(np.random.default_rng(seed), 36)
        predicted = np.stack([hold_out(fit, matrix, observed, groups, number) for number in range(1, 6)])
        draws = draw_groups(groups, 300, seed)
        for name, statistic in (("mae", MAE), ("r2", R2)):
            scores[name].append(estimate(statistic, draws, observed, predicted, folds=5))
        miss = np.abs(observed - predicted[0])
        plain = bootstrap_interval(miss, lambda values: values.mean(axis=-1), seed, list(groups), 300)
        scores["single"].append((miss.mean(), *plain))
    # the expected score of this procedure on tables of this kind
    covered = {name: _count_covered(found, np.mean([one[0] for one in found])) for name, found in scores.items()}
    assert covered["mae"] > 0.91
    # 120 tables leave a standard error of 0.02
    assert covered["mae"] + covered["r2"] > 1.8
    assert covered["single"] < covered["mae"] - 0.03
    assert covered["single"] < 0.91


def _count_covered(found: list[tuple[float, float, float]], truth: float) -> float:
    """Return the share of intervals that hold a value."""
    return float(np.mean([low <= truth <= high for _, low, high in found]))


def test_a_gain_that_only_one_partition_shows_is_none() -> None:
    rng = np.random.default_rng(0)
    groups = list(np.arange(200) % 40)
    noise = 0.1 * rng.normal(size=200)
    errors = np.abs(rng.normal(size=200)) + np.array([0.2, 0.02, -0.05, 0.1, -0.1])[:, None] + noise
    others = np.broadcast_to(np.abs(rng.normal(size=200)) * 0 + errors.mean(axis=0) - 0.034, errors.shape)
    alone = compute_paired_difference(errors[:1], others[:1], groups, 500, 0, folds=5)
    whole = compute_paired_difference(errors, others, groups, 500, 0, folds=5)
    assert alone["lower"] > 0
    assert whole["lower"] < 0 < whole["upper"]


def test_the_mean_over_partitions_is_reported_and_one_partition_is_as_before() -> None:
    rng = np.random.default_rng(1)
    groups, observed = list(np.arange(120) % 30), rng.normal(size=120)
    predicted = observed + rng.normal(size=(4, 120))
    found = compute_scores(observed, predicted, groups, 500, 0, folds=5)
    assert found["partitions"] == 4
    assert found["mae"] == pytest.approx(np.abs(predicted - observed).mean())
    assert found["r2"] == pytest.approx(compute_q_squared(observed, predicted).mean())
    single = compute_scores(observed, predicted[0], groups, 4000, 0)
    before = bootstrap_interval((observed, predicted[0]), compute_q_squared, 0, groups, 4000)
    # but for Student's t of 29 degrees of freedom, and the scale on which it is taken
    assert (single["r2_lower"], single["r2_upper"]) == pytest.approx(before, abs=0.15)
    assert single["r2_upper"] - single["r2_lower"] > before[1] - before[0]


@settings(max_examples=50)
@given(st.integers(3, 25), st.integers(2, 8), st.integers(0, 10_000))
def test_an_interval_holds_its_score_and_grows_with_what_partitions_differ_by(
    n_groups: int, folds: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = list(rng.integers(n_groups, size=4 * n_groups)) + list(range(n_groups))
    observed = rng.normal(size=len(groups))
    alike = np.repeat((observed + rng.normal(size=len(groups)))[None], 5, axis=0)
    unlike = alike + np.linspace(-0.3, 0.3, 5)[:, None]
    for statistic in (MAE, R2, SPEARMAN):
        draws = draw_groups(groups, 200, seed)
        one, many = (estimate(statistic, draws, observed, rows, folds=folds) for rows in (alike, unlike))
        assert one.lower <= one.value <= one.upper
        assert many.lower <= many.value <= many.upper
    draws = draw_groups(groups, 200, seed)
    narrow, wide = (estimate(MEAN, draws, rows, folds=folds) for rows in (alike, unlike))
    assert wide.upper - wide.lower >= narrow.upper - narrow.lower - 1e-9


def test_what_has_no_spread_has_no_width_and_what_is_undefined_no_interval() -> None:
    assert stretch_interval(np.full(50, 2.0), np.array([2.0, 2.0]), 5, 5, "positive") == (2.0, 2.0)
    assert np.isnan(stretch_interval(np.full(50, np.nan), np.array([np.nan]), 5, 5, "r2")).all()
    assert np.isnan(compute_scores(np.ones(6), np.arange(6.0), list(range(6)), 100, 0)["r2"])
    assert estimate(MAE, draw_groups(["a"] * 4, 50, 0), np.zeros(4), np.ones(4)) == (1, 1, 1)


@pytest.mark.parametrize("groups", [list(range(40)), list(np.arange(40) % 11)])
def test_partitions_differ_are_repeated_exactly_and_keep_groups_together(groups: list[int]) -> None:
    splits = {number: make_splits(5, groups, 3, partition=number) for number in (1, 2, 3)}
    tests = {number: {tuple(test) for _, test in found} for number, found in splits.items()}
    assert tests[1] != tests[2] != tests[3] != tests[1]
    for number, found in splits.items():
        assert tests[number] == {tuple(test) for _, test in make_splits(5, groups, 3, partition=number)}
        assert sorted(np.concatenate([test for _, test in found])) == list(range(40))
        sizes = [len(test) for _, test in found]
        assert max(sizes) - min(sizes) <= 4
        for train, test in found:
            assert not {groups[row] for row in train} & {groups[row] for row in test}


# stages


def made(folder: Path, **surrogate: Any) -> tuple[Path, dict[str, Any]]:
    """A table in groups, and the settings of a study on it."""
    matrix, observed, groups = draw_table(np.random.default_rng(0), 14)
    rows = pd.DataFrame(matrix[:, :2], columns=["a", "b"]).assign(y=observed, lot=groups, line=range(len(groups)))
    write_parquet(folder / "table.parquet", rows.assign(split="train"))
    write_json(folder / "table.json", {"source": "x.csv", "sha256": "0", "rows_in": 1, "rows_out": 1, "dropped": []})
    chosen = {"models": ["dummy", "ridge", "extra_trees"], "folds": 4, "trees": 10, "bootstraps": 200} | surrogate
    study = {
        **{"title": "t", "descriptors": [], "remarks": [], "seed": 0, "primary_variant": "all_features"},
        "table": {"file": "x.csv", "group": "lot"},
        "features": [{"name": name, "label": name, "unit": "1"} for name in "ab"],
        "objectives": [{"name": "y", "label": "y", "unit": "1", "goal": "maximise"}],
        "ablations": [
            {"name": "a_alone", "drop": ["b"], "models": ["dummy", "ridge"], "reason": "to see what is left"}
        ],
        "surrogate": chosen,
    }
    return folder / "table.parquet", study


def train(folder: Path, study: dict[str, Any], parts: PartitionFiles, name: str) -> dict[str, Path]:
    """Run the stage that gathers."""
    endings = {"metrics": "csv", "predictions": "parquet", "importances": "csv", "validation": "json"}
    files = {key: folder / f"{name}_{key}.{ending}" for key, ending in endings.items()}
    whole = SurrogateFiles(**files, model=folder / f"{name}.skops", card=folder / f"{name}.md")
    settings_ = TrainingSettings.model_validate(study)
    train_surrogate(folder / "table.parquet", folder / "table.json", whole, settings_, parts)
    return files


def partition_settings(study: dict[str, Any]) -> PartitionSettings:
    """The part of the settings that jobs of partitions have."""
    whole = TrainingSettings.model_validate(study)
    return PartitionSettings.model_validate(PartitionSettings.dump_from(whole))


def test_partitions_of_other_jobs_give_the_same_results_to_the_last_digit(tmp_path: Path) -> None:
    table, study = made(tmp_path, inner_folds=3, partitions=3)
    files: dict[str, list[Path]] = {"parquet": [], "json": []}
    for number in (1, 2, 3):
        for ending, found in files.items():
            found.append(tmp_path / f"{number}.{ending}")
        parts = files["parquet"][-1], files["json"][-1]
        validate_partition(table, *parts, partition=str(number), settings=partition_settings(study))
    apart = train(tmp_path, study, PartitionFiles(files["parquet"], files["json"]), "apart")
    here = train(tmp_path, study, PartitionFiles(), "here")
    for name in ("metrics", "predictions", "importances", "validation"):
        assert apart[name].read_bytes() == here[name].read_bytes(), name
    metrics = read_frame(here["metrics"])
    assert (metrics["partitions"] == 3).all()
    best = metrics[metrics["selected"]].iloc[0]
    held_out = read_frame(here["predictions"])
    own = held_out[(held_out["variant"] == "all_features") & held_out["best"]]
    by_partition = own.groupby("partition")[["observed", "predicted"]].apply(
        lambda part: np.abs(part["observed"] - part["predicted"]).mean()
    )
    assert best["mae"] == pytest.approx(by_partition.mean())
    assert best["mae_between_partitions"] == pytest.approx(by_partition.std())
    found = read_json(here["validation"])["objectives"]["y"]
    assert {entry["split"]: entry["partitions"] for entry in found["groupings"]} == {"random": 3, "lot": 3}
    assert found["procedure"]["partitions"] == 3
    assert next(entry for entry in found["groupings"] if entry["is_own"])["mae"] == pytest.approx(best["mae"])


@pytest.mark.parametrize(("criterion", "verdict"), [("absolute", "better"), ("squared", "not better")])
def test_gains_are_stated_in_the_errors_that_models_are_chosen_by(criterion: str, verdict: str, tmp_path: Path) -> None:
    table, study = made(tmp_path, criterion=criterion, models=["dummy", "ridge", "random_forest"], trees=50)
    rng = np.random.default_rng(0)
    a = rng.uniform(-2, 2, 120)
    rows = pd.DataFrame({"a": a, "b": 0.0, "y": np.abs(a) + 0.3 * a, "lot": np.arange(120), "line": range(120)})
    rows.loc[5, ["a", "y"]] = (
        22.0,
        7.6,
    )  # one row on the line that a forest misses by far, and that tells nothing of the others
    write_parquet(table, rows.assign(split="train"))
    metrics = read_frame(train(tmp_path, study, PartitionFiles(), criterion)["metrics"])
    best = metrics[metrics["selected"] & (metrics["variant"] == "all_features")].iloc[0]
    assert best["verdict"] == f"skill shown; {verdict} than ridge"
    assert best["mae_gain_over_ridge_lower"] > 0 > best["mse_gain_over_ridge_lower"]


def test_partitions_of_another_table_are_refused(tmp_path: Path) -> None:
    table, study = made(tmp_path, inner_folds=3, partitions=2)
    parts = PartitionFiles([tmp_path / "1.parquet"], [tmp_path / "1.json"])
    validate_partition(table, tmp_path / "1.parquet", tmp_path / "1.json", "1", partition_settings(study))
    write_parquet(table, read_frame(table).iloc[:-1])
    with pytest.raises(TableError, match=r"the partitions are not of this table: .*; run validate_partition again"):
        train(tmp_path, study, parts, "other")


def test_settings_that_change_no_prediction_make_no_partition_stale() -> None:
    before, after = (
        PartitionSettings.model_fields["surrogate"].annotation.model_validate(
            {name: value for name, value in chosen.model_dump().items() if name in ("models", "folds", "trees")}
        )
        for chosen in (Surrogate(folds=5), Surrogate(folds=5, permutations=50, learning_curve=True, partitions=9))
    )
    assert before == after


@pytest.mark.parametrize(
    ("given", "n", "jobs"),
    [({}, 1, 0), ({"folds": 5}, 5, 0), ({"folds": 5, "inner_folds": 4}, 5, 5), ({"folds": 5, "partitions": 1}, 1, 0)],
)
def test_how_many_partitions_there_are_and_whether_they_are_jobs(given: dict[str, Any], n: int, jobs: int) -> None:
    chosen = Surrogate.model_validate(given)
    assert (chosen.n_partitions, len(chosen.job_partitions)) == (n, jobs)


def test_several_partitions_that_would_be_the_same_are_refused() -> None:
    with pytest.raises(
        ValueError, match="partitions: 3 would all be the same, since folds: leave_one_out has only one"
    ):
        Surrogate(partitions=3)
