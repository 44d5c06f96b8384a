"""Batches from rows that lack some results, or whose results are known more or less well."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import needs_torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Feature, Objective
from batterymi.optimise.campaigns.next_batch import propose_batch, replay_rows
from batterymi.optimise.engines.gaussian import EXACT, fit_process
from batterymi.optimise.engines.models import group_replicates, shrink_values
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.measured import name_error_column, name_missing_column

QUICK = ["gaussian_process", "scikit-optimize", "sobol", "random"]
MODELS = ["gaussian_process", pytest.param("botorch", marks=needs_torch)]
ERROR = name_error_column("y")


def number(name: str, **more: Any) -> Feature:
    return Feature(name=name, label=name, unit="1", **{"bounds": (0, 1), **more})


def objective(name: str, goal: str = "maximise", **more: Any) -> Objective:
    return Objective(name=name, label=name, unit="1", goal=goal, **more)


PLANE = Space((number("a"), number("b")))


def measured(seed: int, n: int = 16) -> pd.DataFrame:
    """Rows of a hill at (0.3, 0.3)."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.random((n, 2)), columns=["a", "b"])
    rows["y"] = 100 - 60 * ((rows["a"] - 0.3) ** 2 + (rows["b"] - 0.3) ** 2) + rng.normal(0, 0.3, n)
    return rows.assign(split="train")


def share_near(designs: pd.DataFrame, place: float) -> float:
    """Which share of designs is near the place on the diagonal."""
    return float((np.hypot(designs["a"] - place, designs["b"] - place) < 0.3).mean())


# errors


@pytest.mark.parametrize("engine", MODELS)
def test_a_lucky_single_cell_does_not_steer_the_batch(engine: str) -> None:
    rows = measured(0)
    rows = rows[~((rows["a"] > 0.75) & (rows["b"] > 0.75))]
    lucky = pd.DataFrame({"a": [0.9], "b": [0.9], "y": [115.0], "split": "train"})
    rows = pd.concat([rows, lucky], ignore_index=True)
    search = Search(PLANE, (objective("y"),), (), is_noisy=True)
    misled = propose_batch(search, rows, engine, 4, 0)
    assert share_near(misled, 0.9) >= 0.75
    warned = propose_batch(search, rows.assign(**{ERROR: [0.3] * (len(rows) - 1) + [30.0]}), engine, 4, 0)
    assert share_near(warned, 0.9) == 0
    assert share_near(warned, 0.3) >= 0.5


@pytest.mark.parametrize("engine", MODELS)
@pytest.mark.parametrize("errors", ["one missing", "one known", "all zero", "one zero"])
def test_missing_errors_and_errors_of_0_make_a_batch(engine: str, errors: str) -> None:
    column = np.full(16, {"one known": np.nan, "all zero": 0.0}.get(errors, 0.3))
    column[3] = {"one missing": np.nan, "one known": 0.3, "all zero": 0.0, "one zero": 0.0}[errors]
    search = Search(PLANE, (objective("y"),), (), is_noisy=True)
    assert len(propose_batch(search, measured(1).assign(**{ERROR: column}), engine, 2, 0)) == 2


def test_means_of_replicates_are_weighted_by_their_errors() -> None:
    codes = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])
    replicates = group_replicates(codes)
    values, errors = np.array([10.0, 20.0, 5.0, 5.1, 4.9]), np.array([1.0, 100.0, 0.1, 0.1, 0.1])
    mean, noise = replicates.combine(values, errors)
    assert noise is not None
    assert mean[0] == pytest.approx(10, abs=0.1)
    assert mean[1] == pytest.approx(5)
    assert noise[1] == pytest.approx(0.01 / 3)
    # repeats that scatter by more than they say are believed less
    _, wide = replicates.combine(values, np.full(5, 0.1))
    assert wide is not None
    assert wide[0] > 1
    # without errors all is as before
    without = replicates.combine(values, np.full(5, np.nan))
    np.testing.assert_array_equal(without[0], replicates.mean(values))
    np.testing.assert_array_equal(without[1], replicates.noise(values))


@settings(max_examples=60)
@given(
    groups=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    errors=st.lists(st.sampled_from([np.nan, 0.0, 1e-3, 1.0, 50.0]), min_size=12, max_size=12),
    seed=st.integers(0, 99),
)
def test_a_combined_mean_lies_among_its_measurements(groups: list[int], errors: list[float], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=len(groups))
    replicates = group_replicates(np.array(groups, float)[:, None])
    mean, noise = replicates.combine(values, np.array(errors[: len(groups)]))
    for number_of_group in range(len(replicates.codes)):
        own = values[replicates.group == number_of_group]
        assert own.min() - 1e-9 <= mean[number_of_group] <= own.max() + 1e-9
    assert noise is None or (np.isnan(noise) | (noise >= 0)).all()
    assert np.isfinite(shrink_values(mean, np.full(len(mean), np.nan) if noise is None else noise)).all()


def test_the_noise_of_values_without_an_error_is_fitted() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((60, 1))
    deviation = np.where(np.arange(60) % 2, 0.05, 0.5)
    y = np.sin(6 * x[:, 0]) + deviation * rng.normal(size=60)
    process = fit_process(x, y, np.where(np.arange(60) % 2, 0.05**2, np.nan), rng)
    assert process.noise[1] == 0.05**2
    assert 0.3**2 < process.noise[0] < 0.8**2
    both = [fit_process(x, y, noise, np.random.default_rng(1)) for noise in (None, np.full(60, np.nan))]
    np.testing.assert_allclose(both[0].noise, both[1].noise, rtol=1e-6)
    assert both[0].noise[0] > EXACT


# results that are missing


def two_objectives() -> Search:
    return Search(PLANE, (objective("y"), objective("z")), (), is_noisy=True, reference={"y": 0.0, "z": -100.0})


@pytest.mark.parametrize("engine", MODELS)
def test_an_early_result_beside_a_late_one_is_learned_from(engine: str) -> None:
    rows = measured(2, 24)
    rows["z"] = -20 * rows["a"]
    late = rows.index % 3 == 0
    rows[name_missing_column("z")] = np.where(late, "pending", "")
    rows.loc[late, "z"] = np.nan
    search = two_objectives()
    proposed = propose_batch(search, rows, engine, 4, 0)
    # the front of the two is the line from (0, 0.3) to (0.3, 0.3)
    assert (np.abs(proposed["b"] - 0.3) < 0.25).mean() >= 0.5
    assert (proposed["a"] < 0.6).all()
    assert PLANE.is_distinct(PLANE.codes(proposed), PLANE.codes(rows)).all()


def test_the_model_of_each_outcome_takes_all_rows_that_have_it() -> None:
    rows = measured(3, 12)
    rows["z"] = rows["a"]
    rows.loc[:3, "z"] = np.nan
    search, place = two_objectives(), PLANE.codes(rows.iloc[[0]])
    history = search.add_scores(rows.assign(failure=""))
    for reason, n_late in (("pending", 4), ("not measured", 0)):
        known = history.assign(**{name_missing_column("z"): np.where(rows["z"].isna(), reason, "")})
        posterior = Posterior.fit(search, known, known, np.random.default_rng(0))
        assert len(posterior.models["y"].process.values) == 12
        # a result under way is taken to be as predicted, one that never comes is not
        assert len(posterior.models["z"].process.values) == 8 + n_late
        assert len(posterior.front) == 8 + n_late
        variance = posterior.models["z"].predict(PLANE.inputs(place))[1][0]
        assert (variance < 1e-5) == bool(n_late)


RESULTS = st.sampled_from(["both", "early", "early failed", "late", "never", "pending", "failed", "withdrawn"])


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(RESULTS, min_size=4, max_size=14), engine=st.sampled_from(QUICK), several=st.booleans(),
    has_errors=st.booleans(),
)  # fmt: skip
def test_any_mixture_of_results_makes_a_new_batch(
    kinds: list[str], engine: str, several: bool, has_errors: bool
) -> None:
    n = len(kinds)
    rows, missing = measured(4, n).assign(z=np.arange(n) * 0.1), {"y": [""] * n, "z": [""] * n}
    rows[ERROR] = np.where(np.arange(n) % 3, 0.5, np.nan) if has_errors else np.nan
    for i, kind in enumerate(kinds):
        if kind in ("pending", "failed", "withdrawn"):
            rows.loc[i, ["y", "z"]] = np.nan
            rows.loc[i, "split"] = kind
        elif kind != "both":
            name, reason = {
                "early": ("z", "pending"),
                "early failed": ("z", "failed"),
                "late": ("y", "pending"),
                "never": ("z", "not measured"),
            }[kind]
            rows.loc[i, name] = np.nan
            missing[name][i] = reason
    rows = rows.assign(**{name_missing_column(name): reasons for name, reasons in missing.items()})
    second = objective("z") if several else objective("z", "limit", at_most=0.5)
    limits = () if several else second.limits
    search = Search(PLANE, (objective("y"), second), limits, is_noisy=True, reference={"y": 0.0, "z": 0.0})
    proposed = propose_batch(search, rows, engine, 3, 0)
    taken = PLANE.codes(rows[rows["split"] != "withdrawn"])
    assert len(proposed) == 3
    assert PLANE.is_distinct(PLANE.codes(proposed), taken).all()
    assert proposed["why"].str.len().min() > 5


def test_rows_that_lack_a_result_are_left_out_of_a_replay() -> None:
    from batterymi.config.campaign import ExperimentCampaign

    rows = measured(5, 20).assign(z=np.arange(20.0))
    rows.loc[:2, "z"] = np.nan
    history, comparison = replay_rows(two_objectives(), rows, ExperimentCampaign(mode="experiment", seeds=2), 0)
    assert comparison is not None
    assert history[["y", "z"]].notna().all(axis=None)


# rows from before the search range was changed


@pytest.mark.parametrize("engine", [*MODELS, "scikit-optimize"])
def test_rows_outside_new_bounds_teach_and_are_not_the_best_to_beat(engine: str) -> None:
    moved = Space((number("a", bounds=(0.5, 1)), number("b", bounds=(0.5, 1))))
    search = Search(moved, (objective("y"),), (), is_noisy=True)
    rows = measured(6, 24)
    proposed = propose_batch(search, rows, engine, 3, 0)
    codes = moved.codes(proposed)
    assert ((codes >= 0.5) & (codes <= 1)).all()
    # the hill outside of the bounds says that the corner next to it is best
    assert (proposed[["a", "b"]] < 0.5 + 0.2).all(axis=1).mean() >= 0.6


def test_what_is_best_outside_of_the_bounds_does_not_count() -> None:
    moved = Space((number("a", bounds=(0.5, 1)), number("b", bounds=(0.5, 1))))
    search = Search(moved, (objective("y"),), (), is_noisy=True)
    history = search.add_scores(measured(7, 24).assign(failure=""))
    posterior = Posterior.fit(search, history, history, np.random.default_rng(0))
    inside = history[(history["a"] >= 0.5) & (history["b"] >= 0.5)]
    assert posterior.best is not None
    assert len(posterior.front) == len(inside) < len(history)
    assert -posterior.best == pytest.approx(inside["y"].max(), abs=2)
