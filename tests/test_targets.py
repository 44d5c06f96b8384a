"""Objectives that should hit a value or a window: settings, formulas and engines."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import needs_torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from batterymi.arrays import Array
from batterymi.config.goals import Window
from batterymi.config.messages import validate_settings
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.config.rules import find_reference_problems
from batterymi.errors import ConfigError
from batterymi.optimise.campaigns.campaign import run_engine
from batterymi.optimise.campaigns.changes import State
from batterymi.optimise.campaigns.feasibility import infer_worst
from batterymi.optimise.campaigns.fidelity import Level, run_levels
from batterymi.optimise.engines.acquisition import compute_log_ehvi
from batterymi.optimise.engines.enumerate import extract_leaves, find_nearest
from batterymi.optimise.engines.models import winsorise_values
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.engines.targets import (
    compute_closer_probability,
    compute_expected_distance,
    compute_hit_probability,
    compute_log_improvement,
    compute_log_trapezoid,
    place_corners,
)
from batterymi.optimise.engines.warp import Warp
from batterymi.optimise.space.hypervolume import compute_hypervolume, partition_nondominated
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.score import penalise_scores
from batterymi.optimise.space.space import Space
from batterymi.registry import look_up
from batterymi.vocabulary.measured import name_missing_column
from batterymi.vocabulary.splits import PENDING

DEVIATES = ndtri((np.arange(100_000) + 0.5) / 100_000)  # a standard normal variable
PLANE = Space(tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in "ab"))


def objective(target: Any = None, name: str = "y", **more: Any) -> Objective:
    goal = {"goal": "target", "target": target} if target is not None else {}
    return Objective.model_validate({"name": name, "label": name, "unit": "1", **goal, **more})


# settings


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"goal": "target"}, "goal 'target' needs a target: the value that it should hit, as `target: 7.4`"),
        ({"goal": "minimise", "target": 7.4}, "a target of 7.4 belongs to `goal: target`, not to `goal: minimise`"),
        ({"goal": "target", "target": [2.5, 1]}, "target: the lower bound 2.5 is not below the upper bound 1"),
        ({"goal": "target", "target": "pH"}, "target: give a number; found 'pH'"),
        ({"goal": "target", "target": [90, 120], "valid": [0, 100]}, "90 to 120 lies outside of the possible range"),
        ({"goal": "target", "target": 7.4, "at_least": 8}, "the target 7.4 lies below at_least 8"),
        ({"goal": "target", "target": [7, 7.4], "at_most": 6}, "the target 7 to 7.4 lies above at_most 6"),
    ],
)
def test_a_target_that_cannot_be_is_refused(found: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        validate_settings(Objective, {"name": "y", "label": "y", "unit": "1", **found}, "x.yaml")


def test_a_target_counts_by_its_distance_and_limits_stay_limits() -> None:
    acid = objective([7, 7.5], at_most=8, scale=0.5, weight=2)
    search = Search(PLANE, (acid,), acid.limits)
    rows = search.add_scores(pd.DataFrame({"y": [6.0, 7.2, 7.5, 7.75, 9.0], "failure": ""}))
    assert rows["score"].tolist() == [4.0, 0.0, 0.0, 1.0, 6.0]
    assert rows["feasible"].tolist() == [True, True, True, True, False]
    assert penalise_scores(rows)[-1] > rows["score"].max()
    assert State(rows, (), (acid,)).describe_problem()["objectives"]["y"]["target"] == [7, 7.5]


def test_the_worst_value_that_counts_may_lie_on_either_side() -> None:
    targets = objective(7.0), objective(None, "z", goal="maximise")
    costs = [
        Search(PLANE, targets, (), reference={"y": worst, "z": 1.0}).reference_costs.tolist() for worst in (5.5, 8.5)
    ]
    assert costs[0] == costs[1] == [1.5, -1.0]
    rows = pd.DataFrame({"y": [4.0, 6.0, 8.5], "z": [3.0, 2.0, 1.0]})
    worst = infer_worst(rows, targets, ())
    assert worst is not None
    # a tenth of the range of distances on the front beyond its worst, above the target
    assert worst["y"] == pytest.approx(7 + 3 + 0.1 * 2)
    assert not list(find_reference_problems({"y": 8, "z": 0}, targets))
    assert "hits the target 7" in next(find_reference_problems({"y": 7, "z": 0}, targets))


# formulas, compared with a normal variable itself


@st.composite
def targets(draw: st.DrawFn) -> Window:
    low = draw(st.floats(-2, 2))
    return Window(low, low + draw(st.sampled_from([0.0, 0.3, 2.0])))


@given(targets(), st.floats(-4, 4), st.floats(0.02, 3), st.floats(0.03, 2), st.sampled_from([0.3, 1.0, 1.6]))
@settings(max_examples=60)
def test_expected_improvement_of_a_distance_is_that_of_samples(
    window: Window, mean: float, deviation: float, best: float, power: float
) -> None:
    warp = Warp(0.4, 1.3, power, 0.1, 0.9)
    moments, bests = (np.array([[mean]]), np.array([deviation**2])), np.array([best])
    found = float(np.exp(compute_log_improvement(*moments, window, bests, warp))[0])
    scaled = mean + deviation * DEVIATES
    corners = place_corners(window, bests, warp)[:, 0]
    trapezoid = np.clip(np.minimum(_ramp(scaled, *corners[:2]), 1 - _ramp(scaled, *corners[2:])), 0, 1)
    assert found == pytest.approx(best * trapezoid.mean(), rel=2e-3, abs=2e-5)
    truth = np.maximum(best - window.compute_distance(warp.inverse_transform(scaled)), 0).mean()
    # on a bent scale the improvement is linear between its corners
    assert found == pytest.approx(truth, rel=2e-3 if power == 1 else 0.3, abs=2e-5 if power == 1 else 0.03)


def _ramp(values: Array, low: float, high: float) -> Array:
    return (values - low) / (high - low)


def test_expected_improvement_falls_without_end_away_from_the_target() -> None:
    for width, best in ((0.0, 1e-6), (0.0, 1.0), (2.0, 0.01)):
        corners = np.array([-best, 0.0, width, width + best])
        away = width + best + np.geomspace(1e-3, 1e6, 500)
        right, left = (compute_log_trapezoid(mean, np.full(500, 0.01), corners) for mean in (away, width - away))
        assert np.isfinite(right).all()
        assert (np.diff(right) < 0).all()
        assert left == pytest.approx(right, rel=1e-6)


@given(targets(), st.integers(0, 99), st.floats(0.1, 1.5))
@settings(max_examples=25)
def test_expected_hypervolume_of_a_distance_is_that_of_samples(window: Window, seed: int, deviation: float) -> None:
    rng = np.random.default_rng(seed)
    front, reference = rng.random((4, 2)), np.array([1.1, 1.1])
    means, deviations = np.array([[window.high + 0.4, 0.5]]), np.array([[deviation, 0.3]])
    cells = partition_nondominated(front, reference)
    found = float(np.exp(compute_log_ehvi(means, deviations**2, cells, [window, None]))[0])
    outcomes = means + deviations * np.column_stack([rng.permutation(DEVIATES[50::500]) for _ in range(2)])
    costs = np.column_stack([window.compute_distance(outcomes[:, 0]), outcomes[:, 1]])
    before = compute_hypervolume(front, reference)
    gains = [compute_hypervolume(np.vstack([front, cost]), reference) - before for cost in costs]
    assert found == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / np.sqrt(len(gains)) + 1e-4)


@given(targets(), st.floats(-4, 4), st.floats(0.01, 3), st.floats(-4, 4), st.sampled_from([0.0, 0.5]))
@settings(max_examples=60)
def test_distances_and_probabilities_are_those_of_samples(
    window: Window, mean: float, deviation: float, value: float, error: float
) -> None:
    own = window.compute_distance(mean + deviation * DEVIATES)
    of_mean = np.array(mean), np.array(deviation), window
    assert compute_expected_distance(*of_mean) == pytest.approx(own.mean(), abs=2e-4)
    assert compute_hit_probability(*of_mean, np.array(0.3)) == pytest.approx((own <= 0.3).mean(), abs=1e-4)
    others = window.compute_distance(value + error * np.random.default_rng(0).permutation(DEVIATES))
    closer = compute_closer_probability(mean, deviation, value, error, window)
    assert closer == pytest.approx((own < others).mean(), abs=0.01)


def test_outliers_are_clipped_only_beyond_a_target() -> None:
    values = np.append(np.linspace(1, 2, 20), [60.0, 500.0])
    assert winsorise_values(values, "both").max() < 6
    kept = winsorise_values(values, "both", Window(80, 100))
    assert kept[20] == 60
    # what lies beyond must not be taken for a hit
    assert 100 < kept[21] < 500


# engines


class Wave:
    """A smooth outcome between -1.5 and 2.5, in `y`, and another, b, in `z`."""

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        a, b = designs["a"].to_numpy(float), designs["b"].to_numpy(float)
        y = 2 * np.sin(3 * a) * b + 0.5 * a - 1.5 * (1 - b) ** 2
        return pd.DataFrame({"y": y, "z": b, "failure": ""}, index=designs.index)


class Rough(Wave):
    """The same but for a bias, as a cheaper evaluator has it."""

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        found = super().evaluate(designs)
        return found.assign(y=found["y"] + 0.2 * designs["a"])


class Forest(Wave):
    """The same as trees predict it, for the engine that lists them."""

    def __init__(self, n_trees: int = 30) -> None:
        """Fit the trees, which are their own encoder."""
        from sklearn.ensemble import ExtraTreesRegressor

        rows = PLANE.fill(np.random.default_rng(0), 64)
        self.regressor = ExtraTreesRegressor(n_trees, random_state=0).fit(rows.to_numpy(), Wave().evaluate(rows)["y"])
        self.fitted, self.encoder, self.frame, self.transform = self, self, pd.DataFrame, pd.DataFrame.to_numpy

    def get_model(self, objective: str) -> "Forest":
        return self

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        return super().evaluate(designs).assign(y=self.regressor.predict(designs[["a", "b"]].to_numpy()))


def distances_after(engine: str, target: Any, evaluator: Wave, n: int) -> Array:
    """The distances to the target of what an engine proposes after the same six designs."""
    problem = Problem(PLANE, (objective(target),), (), evaluator)  # type: ignore[arg-type]
    start = problem.evaluate(PLANE.sample(np.random.default_rng(2), 6))
    return problem.compute_costs(run_engine(problem, engine, start, 6 + n, 0))[6:, 0]


@pytest.mark.parametrize(
    ("engine", "target"),
    [
        *((engine, target) for engine in ("gaussian_process", "enumerate") for target in (0.5, [0.45, 0.55])),
        ("scikit-optimize", 0.5),
        pytest.param("botorch", 0.5, marks=needs_torch),
    ],
)
def test_engines_hit_what_lies_in_the_middle_of_the_range(engine: str, target: Any) -> None:
    evaluator = Forest() if engine == "enumerate" else Wave()
    found, random = (distances_after(name, target, evaluator, 5) for name in (engine, "random"))
    assert found.min() < 0.01
    # the largest and the smallest outcome lie 1 and more from it
    assert np.median(found) < 0.1 < 0.4 < np.median(random)


def late_by_prediction(history: pd.DataFrame, search: Search, place: int) -> pd.DataFrame:
    """The same rows, one of which waits for its outcome."""
    column = name_missing_column("y")
    late = history.assign(**{column: ""})
    late.loc[place, ["y", "score", column]] = [np.nan, np.nan, PENDING]
    return late.assign(feasible=late["y"].notna())


def test_a_batch_near_a_target_is_no_set_of_copies_and_avoids_what_is_under_way() -> None:
    search = Search(PLANE, (objective(0.5),), ())
    rows = PLANE.fill(np.random.default_rng(1), 24)
    history = search.add_scores(pd.concat([rows, Wave().evaluate(rows)], axis=1))
    propose = look_up("engine", "gaussian_process")
    first = propose(search, history, 4, 0)
    codes = first[["a", "b"]].to_numpy(float)
    gaps = np.linalg.norm(codes[:, None] - codes[None], axis=2)[np.triu_indices(4, 1)]
    assert gaps.min() > 0.01
    assert gaps.max() > 0.2
    assert np.abs(Wave().evaluate(first)["y"] - 0.5).max() < 0.05
    assert (first["why"] == "by expected improvement of the distance to 0.5").all()
    later = propose(search, history, 1, 0, first.iloc[:1])
    assert np.linalg.norm(later[["a", "b"]].to_numpy(float) - codes[0]) > 0.01
    # a measured row whose outcome comes late is under way too
    measured = search.add_scores(pd.concat([first, Wave().evaluate(first)], axis=1))
    waiting = late_by_prediction(pd.concat([history, measured.iloc[:1]], ignore_index=True), search, 24)
    assert Posterior.fit(search, waiting, waiting, np.random.default_rng(0)).fantasies is not None
    later = propose(search, waiting, 1, 0)
    assert np.linalg.norm(later[["a", "b"]].to_numpy(float) - codes[0]) > 0.01


def test_rows_that_all_hit_a_target_are_learned_from() -> None:
    search = Search(PLANE, (objective([0.2, 1.0]),), ())
    rows = PLANE.fill(np.random.default_rng(1), 64)
    history = search.add_scores(pd.concat([rows, Wave().evaluate(rows)], axis=1))
    history = history[history["score"] == 0].reset_index(drop=True)
    proposed = look_up("engine", "gaussian_process")(search, history, 3, 0)
    assert proposed["why"].str.startswith("by expected improvement").all()
    assert search.compute_costs(Wave().evaluate(proposed)).max() == 0


def test_limits_and_cheaper_evaluators_go_with_a_target() -> None:
    limited = objective(None, "z", goal="limit", at_most=0.45)
    search = Search(PLANE, (objective(0.4), limited), (Limit("z", "at_most", 0.45),))
    start = PLANE.sample(np.random.default_rng(3), 6)
    ledger = run_levels(search, [Level("rough", 1, Rough()), Level("fine", 4, Wave())], start, 44, 0)  # type: ignore[arg-type]
    fine = ledger[(ledger["label"] == "fine") & ledger["feasible"]]
    assert fine["score"].min() < 0.02
    assert ledger["why"].iloc[-1].startswith(("predicted better than all rows: expected", "uncertain enough"))


def test_several_objectives_with_a_target_extend_the_front_where_it_is_hit() -> None:
    # b is small only where the outcome is far below the target
    both = objective(0.8), objective(None, "z", goal="minimise")
    problem = Problem(PLANE, both, (), Wave(), reference={"y": 1.6, "z": 1.0})  # type: ignore[arg-type]
    start = problem.evaluate(PLANE.sample(np.random.default_rng(2), 8))
    found, random = (
        run_engine(problem, e, start, 15, 0)["best_so_far"].iloc[-1] for e in ("gaussian_process", "random")
    )
    assert found < 1.04 * random
    assert found < -0.4


def test_where_all_targets_are_hit_other_designs_that_hit_them_come_next() -> None:
    both = objective([0.4, 0.6]), objective([0.2, 0.8], "z")
    search = Search(PLANE, both, (), reference={"y": 2, "z": 1})
    rows = PLANE.fill(np.random.default_rng(1), 24)
    history = search.add_scores(pd.concat([rows, Wave().evaluate(rows)], axis=1))
    assert (search.compute_costs(history) == 0).all(axis=1).any()
    found = Wave().evaluate(look_up("engine", "gaussian_process")(search, history, 2, 0))
    assert search.compute_costs(found).max() == 0


@needs_torch
def test_botorch_takes_the_costs_of_objectives() -> None:
    import torch

    from batterymi.optimise.engines.botorch_engine import _compute_costs

    values = np.linspace(-3, 3, 13)
    for one in (objective(0.5), objective([0, 1]), objective(goal="maximise"), objective(goal="minimise")):
        assert _compute_costs(one, torch.as_tensor(values)).numpy() == pytest.approx(one.compute_cost(values))


def test_trees_are_listed_to_the_prediction_nearest_to_a_target() -> None:
    forest, rng = Forest(), np.random.default_rng(3)
    leaves, guesses = extract_leaves(forest.regressor), forest.regressor.predict(rng.random((20_000, 2)))
    for low, high in ((0.5, 0.5), (0.2, 0.3), (5.0, 5.0)):
        window = Window(low, high)
        found = find_nearest(leaves, np.zeros(2), np.ones(2), window)
        distance = float(window.compute_distance(np.array(found.value)))
        assert distance - found.gap <= window.compute_distance(guesses).min() + 1e-12
        assert found.gap <= 1e-4 * 4
        places = found.lower + rng.uniform(0.1, 0.9, size=(9, 1)) * (found.upper - found.lower)
        assert forest.regressor.predict(places) == pytest.approx(found.value, abs=1e-9)
