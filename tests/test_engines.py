"""Engines: whatever the space, no suggestion is impossible, known already, out of step, or off the simplex."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import needs_torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from batterymi import registry
from batterymi.config.parts import Constraint, Feature, Limit, Objective, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.campaigns.campaign import run_engine
from batterymi.optimise.engines.enumerate import extract_leaves, find_maximum
from batterymi.optimise.engines.gaussian import EXACT, JITTER, fit_process, matern52, pairwise_distances
from batterymi.optimise.engines.listed import ListedProcess, fit_listed
from batterymi.optimise.engines.models import group_replicates, winsorise_values
from batterymi.optimise.space.hypervolume import compute_hypervolume, partition_nondominated
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import SAME, Space

ENGINES = [name for name in registry.list_names("engine") if name != "enumerate"]
QUICK = [name for name in ENGINES if name != "botorch"]
AVAILABLE = [*QUICK, pytest.param("botorch", marks=needs_torch)]


def number(name: str, low: float, high: float, **more: Any) -> Feature:
    return Feature(name=name, label=name, unit="1", bounds=(low, high), **more)


def objective(name: str, goal: str, **more: Any) -> Objective:
    return Objective(name=name, label=name, unit="1", goal=goal, **more)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Any mixture of numbers, steps, levels, categories and a composition, with a constraint or none."""
    features: list[Feature] = []
    for i in range(draw(st.integers(0, 2))):
        low = draw(st.floats(-100, 100))
        width = draw(st.floats(0.01, 1000))
        step = draw(st.sampled_from([None, width / 7, width / 2.5]))
        features.append(number(f"n{i}", low, low + width, step=step))
    if draw(st.booleans()):
        features.append(Feature(name="level", label="l", unit="1", levels=(1, 2, 5, 10)))
    if draw(st.booleans()):
        features.append(Feature(name="kind", label="k", unit="1", choices=("a", "b", "c")))
    simplex = None
    if not features or draw(st.booleans()):
        features += [number("p", 0.1, 0.8), number("q", 0.0, 0.5), number("r", 0.05, 0.9)]
        simplex = Simplex(features=("p", "q", "r"), step=draw(st.sampled_from([None, 0.0005, 0.05])))
    constraints = []
    if simplex and draw(st.booleans()):
        text = draw(st.sampled_from(["p + 2 * q <= 0.7", "p * r >= 0.12", "0.4 <= p / (q + r) <= 0.5 or q < 0.01"]))
        constraints.append(Constraint(name="limit", expression=text))
    return Space(tuple(features), simplex, tuple(constraints))


def answered(search: Search, designs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Designs with outcomes that any smooth experiment might give."""
    codes = search.space.inputs(search.space.codes(designs))
    weights = np.random.default_rng(seed).normal(size=(codes.shape[1], 2))
    y, z = (np.sin(3 * codes @ weights)).T
    return search.add_scores(designs.assign(y=y, z=z, failure=""))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    space=spaces(),
    engine=st.sampled_from(QUICK),
    seed=st.integers(0, 99),
    several=st.booleans(),
    target=st.sampled_from([None, 0.2, (-0.3, 0.4)]),
)
def test_no_suggestion_is_impossible_or_a_repeat(
    space: Space, engine: str, seed: int, several: bool, target: Any
) -> None:
    second = objective("z", "maximise") if several else objective("z", "limit", at_most=0.5)
    limits = () if several else (Limit("z", "at_most", 0.5),)
    reference = {"y": 1.5, "z": -1.5} if several else None
    first = objective("y", "minimise") if target is None else objective("y", "target", target=target)
    search = Search(space, (first, second), limits, reference=reference)
    known = space.sample(np.random.default_rng(seed), 6).drop_duplicates(ignore_index=True)
    history, pending = answered(search, known.iloc[1:], seed), known.iloc[:1]
    assume(len(history) >= 3)
    proposed = registry.look_up("engine", engine)(search, history, 3, seed, pending)
    assert space.is_feasible(proposed).all()
    codes = np.vstack([space.codes(known), space.codes(proposed)]) / space.width
    gaps = np.abs(codes[:, None] - codes[None]).max(axis=2) + 9 * np.eye(len(codes))
    assert gaps[len(known) :].min(initial=9) > SAME
    left = space.list_designs()
    assert len(proposed) == 3 or (left is not None and len(left) < len(known) + 3)
    if space.simplex and space.simplex.step:
        steps = proposed[space.parts].to_numpy() / space.simplex.step
        assert np.abs(steps - np.round(steps)).max() < 1e-6
    if space.simplex:
        assert np.abs(proposed[space.parts].sum(axis=1) - 1).max() < 1e-9
    again = registry.look_up("engine", engine)(search, history, 3, seed, pending)
    pd.testing.assert_frame_equal(proposed, again)


@needs_torch
@pytest.mark.parametrize("several", [False, True])
def test_botorch_respects_space_limits_and_pending_designs_and_compiles_nothing(
    several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    features = (number("p", 0.1, 0.8), number("q", 0, 0.5), number("r", 0.05, 0.9), number("t", 500, 900, step=50))
    space = Space(features, Simplex(features=("p", "q", "r"), step=0.01))
    second = objective("z", "maximise", at_least=-0.5) if several else objective("z", "limit", at_least=-0.5)
    reference = {"y": 1.5, "z": -1.5} if several else None
    search = Search(
        space, (objective("y", "minimise"), second), (Limit("z", "at_least", -0.5),), is_noisy=True, reference=reference
    )
    known = space.sample(np.random.default_rng(0), 9)
    history = answered(search, known.iloc[1:], 0)
    propose = registry.look_up("engine", "botorch")
    proposed = propose(search, history, 2, 0, known.iloc[:1])
    assert len(proposed) == 2
    assert space.is_feasible(proposed).all()
    pd.testing.assert_frame_equal(proposed, propose(search, history, 2, 0, known.iloc[:1]))
    assert not any(tmp_path.iterdir())


class Hill:
    """-(x - 0.7)² - (y - 0.2)², failing where x + y > 1.2."""

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        x, y = designs["x"].to_numpy(), designs["y"].to_numpy()
        failed = x + y > 1.2
        height = np.where(failed, np.nan, -((x - 0.7) ** 2) - (y - 0.2) ** 2)
        return pd.DataFrame({"height": height, "failure": np.where(failed, "broke", "")}, index=designs.index)


@pytest.mark.parametrize("engine", ["gaussian_process", "scikit-optimize"])
def test_engines_climb_a_hill_beside_failures(engine: str) -> None:
    space = Space((number("x", 0, 1), number("y", 0, 1)))
    problem = Problem(space, (objective("height", "maximise"),), (), Hill())  # type: ignore[arg-type]
    start = problem.evaluate(space.fill(np.random.default_rng(1), 8))
    history = run_engine(problem, engine, start, 20, 3)
    assert history["best_so_far"].iloc[-1] < 2e-3
    resumed = run_engine(problem, engine, history.iloc[:14][[*start.columns]], 20, 3)
    pd.testing.assert_frame_equal(history, resumed, check_exact=False, atol=1e-12)


def test_failures_are_avoided_and_not_forgotten() -> None:
    space = Space((number("x", 0, 1), number("y", 0, 1)))
    search = Search(space, (objective("height", "maximise"),), ())
    rows = space.fill(np.random.default_rng(0), 24)
    # the higher x, the better, but beyond 0.6 nothing works
    failed = rows["x"] > 0.6
    history = search.add_scores(rows.assign(height=rows["x"].where(~failed), failure=np.where(failed, "failed", "")))
    proposed = registry.look_up("engine", "gaussian_process")(search, history, 1, 0)
    assert proposed["x"].iloc[0] < 0.75
    unaware = registry.look_up("engine", "gaussian_process")(search, history[~failed], 3, 0)
    assert unaware["x"].iloc[0] > 0.9


@pytest.mark.parametrize("engine", AVAILABLE)
def test_a_space_that_is_used_up_gives_what_is_left(engine: str) -> None:
    space = Space((number("x", 0, 1, step=0.25), Feature(name="k", label="k", unit="1", choices=("a", "b"))))
    search = Search(space, (objective("y", "minimise"), objective("z", "report")), ())
    history = answered(search, space.frame(space.list_designs()[:7]), 0)
    proposed = registry.look_up("engine", engine)(search, history, 5, 0)
    assert len(proposed) == 3
    assert space.is_feasible(proposed).all()


def test_candidates_come_from_the_list_and_the_long_list_gives_the_same() -> None:
    rng = np.random.default_rng(0)
    listed = pd.DataFrame(rng.random((6000, 3)), columns=["x", "y", "w"])
    space = Space(tuple(number(name, 0, 1) for name in "xyw"), candidates=listed)
    search = Search(space, (objective("height", "maximise"),), (), is_noisy=True)
    rows = listed.iloc[:30]
    history = search.add_scores(rows.assign(height=-((rows["x"] - 0.5) ** 2) - rows["y"], failure=""))
    propose = registry.look_up("engine", "gaussian_process")
    proposed = propose(search, history, 4, 0)
    merged = proposed.merge(listed.iloc[30:].reset_index(), on=["x", "y", "w"])
    assert len(merged) == 4
    import batterymi.optimise.engines.gaussian_process as engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "LONG_LIST", 10_000)
        pd.testing.assert_frame_equal(proposed, propose(search, history, 4, 0))


def test_the_exact_maximum_of_trees_is_never_below_random_search() -> None:
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor

    rng = np.random.default_rng(3)
    x = rng.random((40, 3))
    y = np.sin(6 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=40)
    guesses = rng.random((50_000, 3))
    for kind in (ExtraTreesRegressor, RandomForestRegressor, GradientBoostingRegressor):
        model = kind(n_estimators=30, random_state=0).fit(x, y)
        best = find_maximum(extract_leaves(model), np.zeros(3), np.ones(3))
        assert best.value >= model.predict(guesses).max() - 1e-9
        assert model.predict([(best.lower + best.upper) / 2])[0] == pytest.approx(best.value, abs=1e-9)


def test_what_is_no_ensemble_of_trees_is_named() -> None:
    from sklearn.linear_model import RidgeCV

    with pytest.raises(DesignError, match="RidgeCV, not an ensemble of trees"):
        extract_leaves(RidgeCV())


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(2, 4), st.integers(0, 999))
def test_hypervolume_agrees_with_counting_points(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    front, points = rng.random((n, m)), rng.random((20_000, m))
    counted = (points[:, None, :] >= front[None]).all(axis=2).any(axis=1)
    assert compute_hypervolume(front, np.ones(m)) == pytest.approx(counted.mean(), abs=0.02)
    cells = partition_nondominated(front, np.ones(m))
    inside = ((points[:, None] > cells.lower) & (points[:, None] <= cells.upper)).all(axis=2).sum(axis=1)
    np.testing.assert_array_equal(inside, ~counted)


def test_a_gaussian_process_interpolates_exact_values_and_smooths_noisy_ones() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((25, 2))
    y = np.sin(5 * x[:, 0]) + x[:, 1]
    y = (y - y.mean()) / y.std()
    exact = fit_process(x, y, np.full(25, 1e-6), rng)
    assert exact.predict(x)[0] == pytest.approx(y, abs=1e-2)
    assert exact.predict(x)[1].max() < 1e-4
    queries = rng.random((200, 2))
    single = exact.as_float32().predict(queries)[0]
    assert single == pytest.approx(exact.predict(queries)[0], abs=1e-2)
    conditioned = exact.condition_on(queries[:3], exact.predict(queries[:3])[0])
    assert conditioned.predict(queries)[0] == pytest.approx(exact.predict(queries)[0], abs=1e-3)
    assert (conditioned.predict(queries)[1] <= exact.predict(queries)[1] + 1e-9).all()


def test_a_process_at_a_list_is_the_process_at_any_inputs() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((40, 3))
    known, values = np.arange(0, 30, 2), rng.normal(size=15)
    process = fit_process(x[known], values, np.full(15, 0.05), rng)
    correlation = matern52(pairwise_distances(x * process.weights, x * process.weights))
    prior = ListedProcess.make_prior(correlation, process.scale, process.level)
    listed = prior.condition_on(known, values, 0.05 + JITTER)
    for found, wanted in zip((listed.mean, listed.variance), process.predict(x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8)
    parts = prior.condition_on(known[:7], values[:7], 0.05 + JITTER).condition_on(known[7:], values[7:], 0.05 + JITTER)
    np.testing.assert_allclose(parts.mean, listed.mean, rtol=1e-8)
    believed = process.condition_on(x[[37]], process.predict(x[[37]])[0])
    assumed = listed.assume_mean(37)
    np.testing.assert_allclose(assumed.variance[:36], believed.predict(x)[1][:36], atol=1e-5)
    np.testing.assert_allclose(assumed.mean, listed.mean)
    assert assumed.variance[37] < EXACT


def test_the_length_scale_of_a_list_is_the_likeliest_of_the_grid() -> None:
    rng = np.random.default_rng(1)
    distance = pairwise_distances(*[np.linspace(0, 1, 80)[:, None]] * 2)
    grid = [matern52(distance / length) for length in (0.05, 2.0)]
    for correlation in grid:
        values = np.linalg.cholesky(correlation + 1e-8 * np.eye(80)) @ rng.normal(size=80)
        rows = np.arange(0, 80, 2)
        chosen = fit_listed(grid, (1e-4, 0.1), rows, (values[rows] - values.mean()) / values.std())
        assert chosen.correlation is correlation


def test_replicates_tell_the_noise() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(rng.random((40, 2)), 4, axis=0)
    values = np.repeat(rng.random(40), 4) + rng.normal(scale=0.3, size=160)
    replicates = group_replicates(codes)
    noise = replicates.noise(values)
    assert noise is not None
    assert noise.mean() == pytest.approx(0.3**2 / 4, rel=0.2)
    assert group_replicates(rng.random((5, 2))).noise(np.arange(5.0)) is None


def test_an_outlier_is_drawn_in_on_the_bad_side_only() -> None:
    values = np.array([1, 2, 3, 4, 5, 6, 1e6, -1e6])
    assert winsorise_values(values, "high").max() < 50
    assert winsorise_values(values, "high").min() == -1e6
    assert winsorise_values(values[:4], "high") == pytest.approx(values[:4])


def test_narrow_regions_are_sampled_and_empty_ones_are_named(make_objective: Callable[..., Objective]) -> None:
    features = tuple(number(name, 0, 1) for name in "abcd")
    narrow = Constraint(name="narrow", expression="abs(a - b) + abs(b - c) + abs(c - d) <= 0.01")
    space = Space(features, None, (narrow,))
    designs = space.sample(np.random.default_rng(0), 50)
    assert space.is_feasible(designs).all()
    assert designs["a"].std() > 0.05
    both = (narrow, Constraint(name="distinct", expression="a - d >= 0.5"))
    with pytest.raises(DesignError, match="no design was found that meets all of them at once"):
        Space(features, None, both).sample(np.random.default_rng(0), 1)
