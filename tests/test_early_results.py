"""Late outcomes that learn from early, cheaper measurements, and what suggestions say to measure."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from batterymi.arrays import Array
from batterymi.config.campaign import ExperimentCampaign
from batterymi.config.parts import EarlyMeasurement, Feature, Objective
from batterymi.config.study import Study
from batterymi.optimise.campaigns.changes import State
from batterymi.optimise.campaigns.next_batch import propose_batch, replay_rows, split_history
from batterymi.optimise.campaigns.partly_measured import NAME, assess_partly_measured
from batterymi.optimise.engines.cokriging import CoKriging, _Deviation, fit_cokriging
from batterymi.optimise.engines.early_results import MIN_PAIRS
from batterymi.optimise.engines.gaussian import fit_process
from batterymi.optimise.engines.levels import LevelModel, append_level
from batterymi.optimise.engines.models import OutcomeModel
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.expected import BOTH, CHANCE, EARLY_ONLY, GO_ON, MEASURE, STOP
from batterymi.vocabulary.measured import name_missing_column

Function = Callable[[Array], Array]


def number(name: str, **more: Any) -> Feature:
    return Feature(name=name, label=name, unit="1", **{"bounds": (0, 1), **more})


def objective(name: str, goal: str = "maximise", **more: Any) -> Objective:
    return Objective(name=name, label=name, unit="1", goal=goal, **more)


LATE = objective("late", cost=20, early=EarlyMeasurement(column="early", cost=1))
ALONE, EARLY = objective("late"), objective("early", "report")
PLANE = Space((number("a"), number("b")))
WITH, WITHOUT = (Search(PLANE, (late, EARLY), (), is_noisy=True) for late in (LATE, ALONE))


def peaks(x: Array) -> Array:
    """Two hills, of which the one at (0.75, 0.3) is higher."""
    return np.asarray(
        np.exp(-20 * ((x - [0.75, 0.3]) ** 2).sum(axis=1)) + 0.7 * np.exp(-25 * ((x - [0.2, 0.8]) ** 2).sum(axis=1))
    )


def waves(x: Array) -> Array:
    return np.asarray(np.sin(6 * x[:, 0]) * np.cos(5 * x[:, 1]))


def make_rows(late: Function, early: Function, seed: int, n_late: int = 10, n: int = 40) -> pd.DataFrame:
    """Rows of which all have the early result, and some the late one."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    rows = pd.DataFrame(x, columns=["a", "b"]).assign(
        late=late(x), early=early(x), split="train", line=np.arange(n) + 2
    )
    rows["late"] += 0.02 * rng.normal(size=n)
    rows.loc[n_late:, "late"] = np.nan
    return rows.assign(**{name_missing_column("late"): np.where(rows["late"].isna(), "not measured", "")})


def fit(search: Search, rows: pd.DataFrame) -> OutcomeModel:
    """Return the model of the late outcome."""
    history, _ = split_history(search, rows)
    known = history if search.early else history[history["late"].notna()]
    return Posterior.fit_measured(search, history, known, np.random.default_rng(0)).models["late"]


def find_error(search: Search, rows: pd.DataFrame, late: Function) -> float:
    """Return the error of the late outcome where only the early one was measured."""
    held = rows[rows["late"].isna()]
    mean, _ = fit(search, rows).predict(PLANE.inputs(PLANE.codes(held)))
    return float(np.sqrt(np.mean((mean - late(held[["a", "b"]].to_numpy())) ** 2)))


# settings


FADE = {"name": "fade", "label": "Fade", "unit": "1", "goal": "report"}
STUDY: dict[str, Any] = {
    "title": "Lives",
    "edition": "own",
    "table": {"file": "data/lives.csv"},
    "features": [{"name": "a", "label": "a", "unit": "1", "bounds": [0, 1]}],
    "objectives": [
        {"name": "life", "label": "Life", "unit": "1", "goal": "maximise", "cost": 20},
        FADE,
    ],
    "campaign": {"mode": "experiment"},
}
STUDY["objectives"][0]["early"] = {"column": "fade", "cost": 1}
SEARCH = {"mode": "search", "evaluator": {"name": "surrogate"}}


def change(place: str, value: Any) -> dict[str, Any]:
    """Return the study with one setting changed, as `objectives.0.cost`; removed where the value is None."""
    study: dict[str, Any] = {**STUDY, "objectives": [dict(one) for one in STUDY["objectives"]]}
    *path, last = place.split(".")
    part: Any = study
    for key in path:
        part = part[int(key)] if key.isdigit() else part.setdefault(key, {})
    if value is None:
        del part[last]
    else:
        part[int(last) if last.isdigit() else last] = value
    return study


def test_a_study_with_an_early_measurement_is_right() -> None:
    assert Study.model_validate(STUDY).objectives[0].early == EarlyMeasurement(column="fade", cost=1)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("objectives.0.cost", None, "early and cost belong together"),
        ("objectives.0.early", None, "early and cost belong together"),
        ("objectives.0.cost", 1, "early.cost 1 is not below cost 1"),
        ("objectives.0.cost", 0, "greater than 0"),
        ("objectives.0.early", {"column": "fade", "cost": -1}, "greater than 0"),
        ("objectives.0.early", {"column": "fades", "cost": 1}, "'fades' is not an objective; .*did you mean 'fade'"),
        ("objectives.0.early", {"column": "a", "cost": 1}, "'a' is a feature"),
        ("objectives.0.early", {"column": "life", "cost": 1}, "is the objective itself"),
        ("objectives.1.early", {"column": "life", "cost": 1}, "early and cost belong together"),
        ("objectives.0.goal", "report", "optimised or has a limit"),
        ("objectives.1", FADE | {"goal": "target", "target": 2}, "early knows no targets"),
        ("campaign", {"mode": "experiment", "engine": "botorch"}, "botorch' knows no early .* use gaussian_process"),
        ("campaign", SEARCH, "early needs `campaign.mode: experiment`.*campaign.fidelities"),
        ("campaign", {"mode": "replay"}, "early needs `campaign.mode: experiment`"),
        ("features", [{"name": "measure", "label": "a", "unit": "1", "bounds": [0, 1]}], "'measure' is a column"),
    ],
)
def test_settings_that_make_no_sense_are_refused(place: str, value: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.compile(said, re.DOTALL)):
        Study.model_validate(change(place, value))


def test_one_early_measurement_of_two_outcomes_has_one_cost() -> None:
    second = {"name": "power", "label": "Power", "unit": "1", "goal": "maximise", "cost": 9}
    for cost, is_right in ((1, True), (2, False)):
        added = {**second, "early": {"column": "fade", "cost": cost}}
        study = {**STUDY, "objectives": [*STUDY["objectives"], added]}
        if is_right:
            Study.model_validate(study)
            continue
        with pytest.raises(ValidationError, match="'fade' costs 2 here and 1 elsewhere"):
            Study.model_validate(study)


# the model


def make_process(seed: int, slope: float = -0.8) -> CoKriging:
    rng = np.random.default_rng(seed)
    x = rng.random((30, 2))
    early = waves(x) + 0.05 * rng.normal(size=30)
    late = slope * waves(x[:10]) + 0.2 * x[:10, 0]
    first = fit_process(x, early, None, rng)
    process = fit_cokriging(first, fit_process(x[:10], late, None, rng), None, rng)
    assert process is not None
    return process


def test_the_gradient_of_the_fit_is_that_of_its_value() -> None:
    process, rng = make_process(0), np.random.default_rng(1)
    x = process.inputs[-10:, :-1]
    objective_of_fit = _Deviation(process.early, x, process.values[-10:], None)
    vector = np.append(objective_of_fit.start() + 0.2 * rng.normal(size=5), -0.6)
    _, gradient = objective_of_fit(vector)
    for place, slope in enumerate(gradient):
        step = np.zeros_like(vector)
        step[place] = 1e-6
        numeric = (objective_of_fit(vector + step)[0] - objective_of_fit(vector - step)[0]) / 2e-6
        assert slope == pytest.approx(numeric, rel=1e-4, abs=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), slope=st.sampled_from([-3.0, -0.5, 0.5, 2.0]))
def test_the_process_of_two_levels_is_a_gaussian_process(seed: int, slope: float) -> None:
    process, rng = make_process(seed, slope), np.random.default_rng(seed)
    places = append_level(rng.random((12, 2)), rng.integers(0, 2, 12))
    covariance = process.covariance(places, places)
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    np.testing.assert_allclose(np.diag(covariance), process.prior_moments(places)[1], rtol=1e-6)
    np.testing.assert_allclose(np.diag(covariance), process.covariance_of_pairs(places, places), rtol=1e-6)
    np.testing.assert_allclose(process.correlation(places, places), 1, atol=1e-6)
    mean, variance = process.predict(places)
    rough = process.as_float32().predict(places.astype(np.float32))
    np.testing.assert_allclose(rough[0], mean, atol=0.02)
    assert (variance > 0).all()
    # far from all values there is nothing but the means of the levels
    far = process.predict(append_level(np.full((2, 2), 1e3), np.array([0, 1])))[0]
    np.testing.assert_allclose(far, [process.early.level, process.level], atol=1e-9)
    # a value that is known moves both levels together, whatever the sign of their relation
    assert (process.correlation(append_level(places[:, :-1], 0), append_level(places[:, :-1], 1)) > -1e-9).all()


@pytest.mark.parametrize(
    ("late", "early"),
    [(peaks, lambda x: -2 * peaks(x) + 0.3 * x[:, 0]), (lambda x: 3 * waves(x) - x[:, 1], lambda x: 100 + waves(x))],
)
def test_early_results_lower_the_error_of_the_late_outcome(late: Function, early: Function) -> None:
    pairs = [
        [find_error(search, rows, late) for search in (WITH, WITHOUT)]
        for rows in (make_rows(late, early, seed) for seed in range(6))
    ]
    ours, theirs = np.mean(pairs, axis=0)
    assert ours < 0.6 * theirs


def test_early_results_that_tell_nothing_do_no_harm() -> None:
    errors, unused = [], 0
    for seed in range(12):
        noise = np.random.default_rng([seed, 1]).normal(size=40)
        rows = make_rows(peaks, lambda x, noise=noise: noise[: len(x)], seed)  # type: ignore[misc]
        errors.append([find_error(search, rows, peaks) for search in (WITH, WITHOUT)])
        unused += not isinstance(fit(WITH, rows), LevelModel)
    ours, theirs = np.mean(errors, axis=0)
    assert ours <= 1.03 * theirs
    assert unused >= 9


def test_early_results_are_not_used_where_few_designs_have_both() -> None:
    for n_late, is_used in ((MIN_PAIRS - 1, False), (12, True)):
        rows = make_rows(peaks, peaks, 0, n_late)
        assert isinstance(fit(WITH, rows), LevelModel) == is_used
        (note,) = assess_partly_measured(WITH, rows, 0).notes
        assert ("late learns from 40 results of early too; 12 designs have both" in note) == is_used
        assert (f"4 designs have both results, and at least {MIN_PAIRS} are needed" in note) == (not is_used)
        proposed = propose_batch(WITH, rows, "gaussian_process", 2, 0)
        assert (set(proposed[MEASURE]) == {BOTH}) == (not is_used)


# suggestions


def test_what_to_measure_follows_the_costs() -> None:
    rows = make_rows(peaks, lambda x: 5 - 2 * peaks(x) + 0.2 * x[:, 1], 1, 10, 20)
    proposed = propose_batch(WITH, rows, "gaussian_process", 3, 0)
    assert (proposed[MEASURE] == EARLY_ONLY).all()
    assert proposed["why"].str.endswith("per cost").all()
    taken = PLANE.codes(rows)
    assert PLANE.is_distinct(PLANE.codes(proposed), taken).all()
    # of two designs in one batch none is next to the other
    assert np.linalg.norm(PLANE.codes(proposed)[0] - PLANE.codes(proposed)[1]) > 0.02
    assert MEASURE not in propose_batch(WITHOUT, rows, "gaussian_process", 1, 0)


def test_good_early_results_are_gone_on_with_and_bad_ones_are_not() -> None:
    rows = make_rows(peaks, lambda x: -peaks(x), 2, 12, 18)
    near = pd.DataFrame({"a": [0.74, 0.1], "b": [0.31, 0.1]})
    for place, (a, b) in zip((14, 15), near.to_numpy(), strict=True):
        rows.loc[place, ["a", "b", "early"]] = [a, b, -peaks(np.array([[a, b]]))[0]]
    rows.loc[:11, "late"] = rows.loc[:11, "late"].clip(upper=0.6)
    missing = name_missing_column("late")
    rows.loc[14, missing], rows.loc[16, missing] = "pending", "failed"
    found = assess_partly_measured(WITH, rows, 0).designs
    # the one that failed is not gone on with
    assert set(found[NAME]) == {f"line {place + 2}" for place in (12, 13, 14, 15, 17)}
    first, by_name = found.iloc[0], found.set_index(NAME)
    assert first[NAME] == "line 16"
    assert first[MEASURE] == GO_ON
    assert first[CHANCE] > 0.9
    assert "better with probability" in first["why"]
    stopped = found[found[MEASURE] == STOP]
    assert stopped[CHANCE].iloc[0] > stopped[CHANCE].iloc[-1]
    assert by_name.loc["line 17", MEASURE] == STOP
    assert by_name.loc["line 17", CHANCE] < 0.1
    assert first["late: engine mean"] == pytest.approx(peaks(near.to_numpy()[:1])[0], abs=0.15)


def test_a_front_of_several_outcomes_is_ranked_too() -> None:
    rows = make_rows(peaks, lambda x: 2 * peaks(x), 3, 12, 24).assign(price=lambda table: table["a"])
    search = Search(
        PLANE, (LATE, EARLY, objective("price", "minimise")), (), is_noisy=True, reference={"late": 0.0, "price": 1.0}
    )
    found = assess_partly_measured(search, rows, 0).designs
    assert found[CHANCE].between(0, 1).all()
    assert found["why"].str.contains("extends the front with probability").all()
    assert set(propose_batch(search, rows, "gaussian_process", 2, 0)[MEASURE]) <= {EARLY_ONLY, BOTH}


KINDS = ("both", "early", "late", "early, late pending", "early, late failed", "pending", "failed", "withdrawn")


@settings(max_examples=25)
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=6, max_size=16), seed=st.integers(0, 9))
def test_any_mixture_of_results_makes_a_batch_and_each_partly_measured_row_is_ranked_once(
    kinds: list[str], seed: int
) -> None:
    kinds = [*["both"] * 5, *kinds]
    rows = make_rows(peaks, lambda x: 1 - peaks(x), seed, len(kinds), len(kinds))
    for place, kind in enumerate(kinds):
        rows.loc[place, ["late"] if kind.startswith("early") else ["early"] if kind == "late" else []] = np.nan
        if kind in ("pending", "failed", "withdrawn"):
            rows.loc[place, ["late", "early", "split"]] = [np.nan, np.nan, kind]
    of_late = {"early": "not measured", "early, late pending": "pending", "early, late failed": "failed"}
    of_early = ["not measured" if kind == "late" else "" for kind in kinds]
    reasons = {"late": [of_late.get(kind, "") for kind in kinds], "early": of_early}
    rows = rows.assign(**{name_missing_column(name): values for name, values in reasons.items()})
    proposed = propose_batch(WITH, rows, "gaussian_process", 2, seed)
    assert set(proposed[MEASURE]) <= {EARLY_ONLY, BOTH}
    assert PLANE.is_distinct(PLANE.codes(proposed), PLANE.codes(rows[rows["split"] != "withdrawn"])).all()
    found = assess_partly_measured(WITH, rows, seed).designs
    listed = {f"line {i + 2}" for i, kind in enumerate(kinds) if kind in ("early", "early, late pending")}
    assert (set(found[NAME]) if len(found) else set()) == listed
    assert len(found) == len(listed)
    assert found.empty or found[CHANCE].between(0, 1).all()


def test_a_replay_of_measured_rows_measures_all_in_full() -> None:
    rows = make_rows(peaks, lambda x: -peaks(x), 5, 14, 14)
    campaign = ExperimentCampaign(mode="experiment", seeds=2)
    with_early, without = (replay_rows(search, rows, campaign, 0)[0] for search in (WITH, WITHOUT))
    pd.testing.assert_frame_equal(with_early, without)


def test_changed_costs_are_told_and_other_studies_keep_what_they_had() -> None:
    rows = make_rows(peaks, peaks, 0)
    problem = State(rows, PLANE.features, (LATE, EARLY)).describe_problem()["objectives"]
    assert problem["late"]["cost"] == 20
    assert problem["late"]["early measurement"] == "early"
    assert problem["early"] == {"goal": "report", "at_least": None, "at_most": None}
