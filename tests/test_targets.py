"""Objectives that should hit a value or a window: formulas, engines, words, and the way from a table to a batch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace, needs_torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from batterymi.arrays import Array
from batterymi.cli.main import main
from batterymi.config.goals import Window
from batterymi.config.load import load_study
from batterymi.config.messages import validate_settings
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.config.rules import find_reference_problems
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.campaign import run_engine
from batterymi.optimise.campaigns.changes import State
from batterymi.optimise.campaigns.expectations import assess_suggestions, list_expected, state_verdict
from batterymi.optimise.campaigns.feasibility import infer_worst
from batterymi.optimise.campaigns.pool import Pool
from batterymi.optimise.campaigns.replay import replay_campaigns
from batterymi.optimise.engines.acquisition import compute_log_ehvi
from batterymi.optimise.engines.enumerate import extract_leaves, find_nearest
from batterymi.optimise.engines.models import winsorise_values
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
from batterymi.vocabulary.expected import name_deviation_column, name_mean_column

DEVIATES = ndtri((np.arange(100_000) + 0.5) / 100_000)  # a standard normal variable
MEAN, DEVIATION = name_mean_column("y"), name_deviation_column("y")
PLANE = Space(tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in "ab"))
ROOT = Path(__file__).resolve().parents[1]


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
@settings(deadline=None, max_examples=60)
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
@settings(deadline=None, max_examples=25)
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
@settings(deadline=None, max_examples=60)
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
    values = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 60.0, 500.0])
    assert winsorise_values(values, "both")[5] < 3
    kept = winsorise_values(values, "both", Window(80, 100))
    assert kept[5] == 60
    # what lies beyond must not be taken for a hit
    assert 100 < kept[6] < 130


# engines


class Wave:
    """A smooth outcome between -1.5 and 2.5, in `y`, and another, b, in `z`."""

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        a, b = designs["a"].to_numpy(float), designs["b"].to_numpy(float)
        y = 2 * np.sin(3 * a) * b + 0.5 * a - 1.5 * (1 - b) ** 2
        return pd.DataFrame({"y": y, "z": b, "failure": ""}, index=designs.index)


class Forest(Wave):
    """The same as trees predict it, for the engine that lists them."""

    def __init__(self) -> None:
        """Fit the trees."""
        from sklearn.ensemble import ExtraTreesRegressor

        rows = PLANE.fill(np.random.default_rng(0), 60)
        model = ExtraTreesRegressor(30, random_state=0).fit(rows.to_numpy(), super().evaluate(rows)["y"])
        self.fitted, self.regressor, self.encoder, self.transform = self, model, self, pd.DataFrame.to_numpy

    def get_model(self, objective: str) -> "Forest":
        return self

    def frame(self, designs: pd.DataFrame) -> pd.DataFrame:
        return designs

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        return super().evaluate(designs).assign(y=self.regressor.predict(designs[["a", "b"]].to_numpy()))


def distances_after(engine: str, target: Any, evaluator: Wave, n: int = 9, batch: int = 1) -> Array:
    """The distances to the target of what an engine proposes after the same six designs."""
    problem = Problem(PLANE, (objective(target),), (), evaluator)  # type: ignore[arg-type]
    start = problem.evaluate(PLANE.sample(np.random.default_rng(2), 6))
    history = run_engine(problem, engine, start, 6 + n, 0, batch)
    return problem.compute_costs(history)[6:, 0]


@pytest.mark.parametrize("target", [0.5, [0.45, 0.55]])
@pytest.mark.parametrize(
    "engine",
    ["gaussian_process", pytest.param("botorch", marks=needs_torch), "scikit-optimize", "enumerate"],
)
def test_engines_hit_what_lies_in_the_middle_of_the_range(engine: str, target: Any) -> None:
    evaluator = Forest() if engine == "enumerate" else Wave()
    found, random = (distances_after(name, target, evaluator, 5) for name in (engine, "random"))
    assert found.min() < 5e-3 < random.min()
    # the largest and the smallest outcome lie far from it
    assert np.median(found) < 0.1 < np.median(random)


def test_a_batch_near_a_target_is_no_set_of_copies_and_avoids_what_is_under_way() -> None:
    search = Search(PLANE, (objective(0.5),), ())
    rows = PLANE.fill(np.random.default_rng(1), 24)
    history = search.add_scores(pd.concat([rows, Wave().evaluate(rows)], axis=1))
    propose = look_up("engine", "gaussian_process")
    first = propose(search, history, 5, 0)
    codes = first[["a", "b"]].to_numpy(float)
    gaps = np.linalg.norm(codes[:, None] - codes[None], axis=2)[np.triu_indices(5, 1)]
    assert gaps.min() > 0.03
    assert np.abs(Wave().evaluate(first)["y"] - 0.5).max() < 0.05
    assert (first["why"] == "by expected improvement of the distance to 0.5").all()
    later = propose(search, history, 1, 0, first.iloc[:1])
    assert np.linalg.norm(later[["a", "b"]].to_numpy(float) - codes[0]) > 0.03


@pytest.mark.parametrize("engine", ["gaussian_process", pytest.param("botorch", marks=needs_torch)])
def test_several_objectives_with_a_target_extend_the_front_where_it_is_hit(engine: str) -> None:
    # b is small only where the outcome is far below the target
    both = objective(0.8), objective(None, "z", goal="minimise")
    problem = Problem(PLANE, both, (), Wave(), reference={"y": 1.6, "z": 1.0})  # type: ignore[arg-type]
    start = problem.evaluate(PLANE.sample(np.random.default_rng(2), 8))
    found, random = (run_engine(problem, name, start, 15, 0)["best_so_far"].iloc[-1] for name in (engine, "random"))
    # the exact front has b from 0.464 where y is 0.8
    assert found < 1.04 * random
    assert found < -0.4


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
    for low, high in ((0.5, 0.5), (0.2, 0.3), (5.0, 5.0), (-9.0, -8.0)):
        window = Window(low, high)
        found = find_nearest(leaves, np.zeros(2), np.ones(2), window)
        distance = float(window.compute_distance(np.array(found.value)))
        assert distance - found.gap <= window.compute_distance(guesses).min() + 1e-12
        assert found.gap <= 1e-4 * 4
        for place in (found.lower, found.upper, (found.lower + found.upper) / 2):
            assert forest.regressor.predict([place])[0] == pytest.approx(found.value, abs=1e-9)


def test_a_replayed_pool_finds_the_rows_nearest_to_a_target() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-1, 1, size=(200, 2))
    values = 3 * matrix[:, 0] + matrix[:, 1] ** 2
    rows, all_worth = pd.DataFrame({"line": range(200), "y": values}), np.ones(200, dtype=bool)
    pool = Pool(rows, objective([0.5, 0.6]), values, matrix, all_worth, (), None, [])
    study = load_study(ROOT / "config/studies/lithium_sulfur_measured.yaml")
    campaign = study.campaign.model_copy(update={"initial": 6, "budget": 26, "seeds": 4, "batch": 5, "rank_by": None})
    runs = replay_campaigns(pool, campaign, 0)
    hits = (values >= 0.5) & (values <= 0.6)
    found = hits[runs.loc[runs["engine"] == "pool", "row"]].sum() / 4
    assert found > 3 * hits.sum() * 26 / 200, "three times what random search is expected to find"
    assert runs.loc[runs["engine"] == "pool", "score"].median() < 0.2


# words


def rows_of(values: Mapping[str, Any]) -> pd.DataFrame:
    n = len(next(iter(values.values())))
    places = np.linspace(0.1, 0.9, n)
    return pd.DataFrame({"a": places, "b": places, "line": np.arange(2, n + 2), "split": "train", **values})


@given(
    st.lists(st.floats(-9, 9).map(lambda value: round(value, 2)), min_size=3, max_size=6, unique=True),
    st.floats(-9, 9),
    st.floats(-3, 1).map(lambda power: 10.0**power),
    st.sampled_from([1.25, (1.0, 2.5)]),
)
@settings(deadline=None, max_examples=120)
def test_no_word_about_a_target_contradicts_the_numbers(
    values: list[float], mean: float, deviation: float, target: Any
) -> None:
    only = objective(target)
    search, rows = Search(PLANE, (only,), ()), rows_of({"y": values})
    best = find_best_known(search, rows)
    assume(only.window is not None)
    cost = only.compute_cost(np.array(values))
    assert best.values["y"].iloc[0] == values[int(np.argmin(cost))]
    proposed = pd.DataFrame({MEAN: [mean], DEVIATION: [deviation], "a": 0.5, "b": 0.1, "why": "by x"})
    outlook = assess_suggestions(proposed, search, best)[0]
    verdict = state_verdict([outlook], search, best)
    assert f"target {only.target_text}" in list_expected(proposed.iloc[0].to_dict(), search)[0]
    if best.hits(0, only):
        hit = float(compute_hit_probability(np.array(mean), np.array(deviation), only.window, np.array(0.0)))
        assert ("expected to hit the target" in outlook.words) == (hit >= 0.5)
        assert ("The suggestion is expected to hit it too." in verdict or "the suggestion is" in verdict) == (
            hit >= 0.5
        )
        return
    expected = float(compute_expected_distance(np.array(mean), np.array(deviation), only.window))
    if "expected to come closer" in outlook.words:
        assert expected < cost.min()
        assert only.compute_cost(np.array(mean)) < cost.min()
        assert verdict.startswith(f"The suggestion is expected to come closer to {only.target_text} than the best")
    elif "farther off" in outlook.words:
        assert expected > cost.min()
        assert only.compute_cost(np.array(mean)) > cost.min() - 0.06 * deviation
        assert verdict.startswith("No suggestion is expected to come closer")


def test_the_best_known_of_several_objectives_says_what_is_closest() -> None:
    both = objective([1, 2], "y", unit="eV"), objective(goal="maximise", name="z")
    search = Search(PLANE, both, (), reference={"y": 5, "z": 0})
    best = find_best_known(search, rows_of({"y": [0.5, 1.5, 4.0], "z": [2.0, 1.0, 3.0]}))
    assert best.describe(search) == "y 1.5 eV (line 3), within 1 to 2 eV; z 3 (line 4)"
    limited = Search(PLANE, (objective(7.4),), (Limit("y", "at_most", 7.5),))
    assert find_best_known(limited, rows_of({"y": [7.0, 7.6]})).describe(limited) == "7 (line 2), closest to 7.4"


# from a table


TABLE = "sample,acid_pct,temp_c,pH: mean,E_ads (eV),sigma (S/cm)\n" + "".join(
    f"S{i},{(i * 37 % 100) / 10},{20 + i * 17 % 40},{9 - 0.035 * (i * 37 % 100):.3f},{-3 + 0.03 * (i * 37 % 100):.3f},"
    f"{10 ** (-6 + 0.04 * (i * 37 % 100)):.3e}\n"
    for i in range(12)
)


@pytest.mark.parametrize(
    ("option", "target"),
    [
        ("pH: mean:target:7.4", 7.4),
        ("ph: mean : Target : 7 : 7.5", (7.0, 7.5)),
        ("E_ads (eV):target:-2:-1.5", (-2.0, -1.5)),
        ("E_ads (eV):target:\N{MINUS SIGN}2:-2", -2.0),
        ("sigma (S/cm):target:1e-4", -4.0),  # learned by its logarithm
    ],
)
def test_a_target_comes_from_the_command_line_to_a_batch(
    option: str, target: Any, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    Path("data/mine.csv").write_text(TABLE, encoding="utf-8")
    assert main(["new-study", "data/mine.csv", "--objective", option]) == 0
    study: Study = load_study(Path("config/studies/mine.yaml"))
    assert [(o.goal, o.target) for o in study.objectives] == [("target", target)]
    assert "--objective says so; target" in capsys.readouterr().out
    assert main(["check", "mine"]) == main(["suggest", "mine", "-n", "3"]) == 0
    said = capsys.readouterr().out
    only = study.target
    assert re.search(rf"^Best known: .*, (closest to|within) {re.escape(only.target_text)}$", said, re.MULTILINE)
    found = [float(value) for value in re.findall(r"^   expected .* (-?[\d.]+) ± ", said, re.MULTILINE)]
    assert len(found) == 3
    assert only.compute_cost(np.array(found)).max() < 0.1
    assert main(["suggest", "mine", "--append"]) == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("pH: mean:target", "pH: mean:target: which value should it hit? write NAME:target:7.4 for a value"),
        ("pH: mean:target:", "'' is not a number, as 7.4"),
        ("pH: mean:target:7,4", "'7,4' is not a number"),
        ("pH: mean:target:nan", "'nan' is not a number"),
        ("pH: mean:target:8:7", "8 is not below 7; write the lower value first"),
        ("pH: mean:target:6:7:8", "3 values are no window"),
        ("sigma (S/cm):target:-4", "-4 is not above 0"),
        ("acidity:target:7", "is not a column"),
    ],
)
def test_a_target_that_cannot_be_read_is_asked_for_and_nothing_is_written(
    option: str, said: str, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    Path("data/mine.csv").write_text(TABLE, encoding="utf-8")
    assert main(["new-study", "data/mine.csv", "--objective", option]) == 1
    assert said in capsys.readouterr().err
    assert not Path("config/studies/mine.yaml").exists()
