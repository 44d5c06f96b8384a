"""Every registered model: one prediction and one interval, wherever it is asked for, and whatever is asked with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS
from sklearn.base import BaseEstimator, RegressorMixin

from batterymi import registry
from batterymi.config.campaign import SurrogateChoice
from batterymi.config.parts import Descriptor, Feature, Objective
from batterymi.config.slices.screening import ScoringSettings
from batterymi.config.sources import Table
from batterymi.errors import TableError
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.evaluators.surrogate import SurrogateEvaluator
from batterymi.features.descriptors import compute_descriptors
from batterymi.screening.scorer import Scorer
from batterymi.screening.scores import score_block
from batterymi.surrogates import distances
from batterymi.surrogates.applicability import compute_held_out_distances, compute_neighbour_distance
from batterymi.surrogates.comparison import refit_model
from batterymi.surrogates.distances import Rows
from batterymi.surrogates.model import Model, Options, find_model, make_model
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.store import StoredModel, find_stored, load_models, save_models
from batterymi.surrogates.validation import CrossValidation, Method, make_splits, predict_out_of_fold
from batterymi.surrogates.widening import fit_widening

TARGET = Objective(name="y", label="y", unit="1", goal="maximise")
NUMBER = Feature(name="hull", label="hull", unit="1")
MAGPIE = Descriptor.model_validate(
    {"name": "magpie", "function": "magpie", "label": "Magpie", "columns": {"formula": "composition"}}
)
INPUTS = {"many columns": Inputs((), (MAGPIE,)), "few columns": Inputs((NUMBER,))}
METALS = ("Na", "K", "Mg", "Ca", "Al", "Ga", "Si", "Ge", "Zn", "Y")


class Line(RegressorMixin, BaseEstimator):
    """A least squares line that also says how far a row is from the middle."""

    def fit(self, matrix: np.ndarray, observed: np.ndarray) -> "Line":
        """Fit it."""
        self.weights_ = np.linalg.lstsq(np.c_[matrix, np.ones(len(matrix))], observed, rcond=None)[0]
        return self

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return means."""
        return np.asarray(np.c_[matrix, np.ones(len(matrix))] @ self.weights_)


class Band(Model):
    """A new family: a line whose spread grows from the middle."""

    trusted = (f"{__name__}.Line",)

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> Line:
        """Return the unfitted line."""
        return Line()

    def predict_encoded(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return means and spreads."""
        return self.regressor.predict(rows.matrix), 1 + np.abs(rows.matrix[:, 0])


@pytest.fixture
def band(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the new family, which is all that it takes."""
    monkeypatch.setitem(registry.REGISTRY["model"], "band", f"{__name__}:Band")


def some_rows(n: int, seed: int) -> pd.DataFrame:
    """Rows with a composition, a number and a measured value."""
    rng = np.random.default_rng(seed)
    metals, ratios = rng.choice(METALS, n), rng.integers(1, 9, (n, 3))
    rows = pd.DataFrame({"composition": [f"Li{a}{m}{b}S{c}" for m, (a, b, c) in zip(metals, ratios, strict=True)]})
    rows = rows.assign(hull=rng.uniform(0, 0.2, n), line=np.arange(n), split="train")
    return rows.assign(y=ratios[:, 0] / ratios[:, 2] + rows["hull"] + 0.1 * rng.normal(size=n))


def cross_validate(inputs: Inputs, rows: pd.DataFrame, n_inner: int | None) -> CrossValidation:
    """A problem and its folds."""
    n = len(rows)
    problem = Problem(
        variant="all_features",
        objective=TARGET,
        inputs=inputs,
        frame=inputs.frame(rows, compute_descriptors(rows, inputs.descriptors)),
        observed=rows["y"].to_numpy(),
        groups=list(range(n)),
        lines=rows["line"].to_numpy(),
        n_scored=n,
        censored=np.zeros(n, dtype=bool),
    )
    method = Method(inner_folds=n_inner, trees=20)
    return CrossValidation(problem, make_splits(3, problem.groups, 0), method, 100, 0)


def refit(name: str, validation: CrossValidation) -> StoredModel:
    """The model that a study keeps, with intervals from held-out rows."""
    out = predict_out_of_fold(name, validation)
    return refit_model(name, validation, out, compute_held_out_distances(validation))


def agree(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> None:
    """Fail unless means and half widths are the same to rounding."""
    for own, library in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, library, rtol=1e-9, atol=1e-10)


def predict_as_screen(stored: StoredModel, rows: pd.DataFrame, designs: pd.DataFrame) -> tuple[Any, Any]:
    """Means and half widths that a screen writes."""
    taken = {"formula_columns": ["composition"], "screened_features": stored.features, "target_name": "y"}
    settings = ScoringSettings.model_validate({"screen": {"source": {"name": "mp_compositions"}}} | taken)
    candidates = designs[["composition", "hull"]].rename(columns={"composition": "formula"})
    candidates = candidates.assign(position=range(len(candidates)))
    scored, _ = score_block(candidates, Scorer(stored, rows.iloc[:40], rows.iloc[40:]), settings)
    np.testing.assert_allclose(scored["upper_95"] - scored["predicted"], scored["predicted"] - scored["lower_95"])
    return scored["predicted"], scored["upper_95"] - scored["predicted"]


@pytest.mark.usefixtures("band")
@pytest.mark.parametrize(("columns", "n_inner"), [("many columns", 2), ("few columns", None)])
@pytest.mark.parametrize("name", [*MODELS, "band"])
def test_a_model_says_the_same_in_validation_suggestions_and_screens_whatever_the_chunks(
    name: str, columns: str, n_inner: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, designs = some_rows(50, 0), some_rows(9, 1)
    validation = cross_validate(INPUTS[columns], rows, n_inner)
    problem, out = validation.problem, predict_out_of_fold(name, validation)
    stored = refit(name, validation)
    save_models(tmp_path / "model.skops", [stored])
    loaded = find_stored(tmp_path / "model.skops", "all_features", "y")
    choice = SurrogateChoice(name="surrogate")
    evaluator = SurrogateEvaluator(choice, (TARGET,), EvaluatorFiles(tmp_path / "model.skops"))
    whole = stored.predict(designs)
    for chunk, piece in ((4096, 512), (7, 3), (1, 1)):
        monkeypatch.setattr(Model, "chunk", chunk)
        monkeypatch.setattr(distances, "PIECE", piece)
        agree(whole, stored.predict(designs))
        agree(whole, loaded.predict(designs))
        agree(whole, (evaluator.evaluate(designs)["y"], evaluator.half_widths(designs)["y"]))
        agree(whole, predict_as_screen(loaded, rows, designs))
        for (_, test), model in zip(validation.splits, out.models, strict=True):
            widths = out.half_widths(problem.observed, 0.95)[test]
            mean, spread = model.predict(problem.frame.iloc[test])
            agree((out.mean[test], widths), (mean, widths / out.spread[test] * spread))


@pytest.mark.usefixtures("band")
def test_a_spread_of_its_own_reaches_the_interval() -> None:
    rows, designs = some_rows(50, 0), some_rows(23, 1)
    validation = cross_validate(INPUTS["many columns"], rows, 2)
    stored = refit("band", validation)
    half = stored.predict(designs)[1]
    encoded = stored.fitted.encoder.transform(stored.frame(designs))
    # near what it learned from; farther away it is widened beside that
    near = half / stored.widening.compute_factors(Rows(encoded))
    np.testing.assert_allclose(near / near[0], (1 + np.abs(encoded[:, 0])) / (1 + np.abs(encoded[0, 0])))
    agree((half, half), (predict_as_screen(stored, rows, designs)[1], half))


def test_a_type_that_no_family_declares_is_not_loaded(
    band: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation = cross_validate(INPUTS["few columns"], some_rows(30, 0), None)
    save_models(tmp_path / "m.skops", [refit("band", validation)])
    assert load_models(tmp_path / "m.skops")[0].fitted.name == "band"
    monkeypatch.setattr(Band, "trusted", ())
    with pytest.raises(TableError, match=r"refused: it holds .*\.Line"):
        load_models(tmp_path / "m.skops")


# intervals and the distance to what was learned


def learn_wave(seed: int, n: int, name: str, n_inner: int | None) -> tuple[StoredModel, np.random.Generator]:
    """A model of a wave in two columns, learned from rows in the middle of its range."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.uniform(-1, 1, (n, 2)), columns=["a", "b"])
    features = tuple(Feature(name=column, label=column, unit="1") for column in frame)
    observed = wave(frame) + 0.05 * rng.normal(size=n)
    parts = {"groups": list(range(n)), "lines": np.arange(n), "n_scored": n, "censored": np.zeros(n, dtype=bool)}
    problem = Problem(variant="v", objective=TARGET, inputs=Inputs(features), frame=frame, observed=observed, **parts)
    method = Method(inner_folds=n_inner, trees=20)
    return refit(name, CrossValidation(problem, make_splits(5, problem.groups, 0), method, 100, 0)), rng


def wave(frame: pd.DataFrame) -> np.ndarray:
    """The true values."""
    return np.asarray(np.sin(2 * frame["a"]) + 0.5 * frame["b"] ** 2)


@pytest.mark.parametrize("n", [40, 300])  # growing as stated, and as estimated
@pytest.mark.parametrize(
    ("name", "n_inner"), [("extra_trees", 3), ("random_forest", None), ("ridge", None), ("support_vector", None)]
)
def test_intervals_outside_the_data_are_wide_enough_and_those_inside_as_before(
    name: str, n_inner: int | None, n: int
) -> None:
    shares = []
    for seed in range(4):
        stored, rng = learn_wave(seed, n, name, n_inner)
        designs = pd.DataFrame(rng.uniform(-2.5, 2.5, (1000, 2)), columns=["a", "b"])
        is_inside = (designs.abs() <= 0.9).all(axis=1).to_numpy()
        is_outside = (designs.abs() > 1.3).any(axis=1).to_numpy()
        mean, half = stored.predict(designs)
        factors = stored.widening.compute_factors(Rows(stored.fitted.encoder.transform(designs)))
        assert np.isclose(np.median(factors[is_inside]), 1)
        miss = np.abs(wave(designs) + 0.05 * rng.normal(size=len(designs)) - mean)
        widths = (half, half / factors)  # now, and with one width everywhere
        shares.append([np.mean((miss <= width)[part]) for part in (is_inside, is_outside) for width in widths])
    inside, inside_before, outside, outside_before = np.mean(shares, axis=0)
    assert inside_before <= inside < inside_before + 0.02
    assert inside > 0.93
    # it was 6 % and less, of intervals that promise 95 %
    assert outside_before < 0.2
    assert outside > max(0.3, 5 * outside_before)


def test_an_interval_grows_without_bound_and_never_shrinks_with_the_distance() -> None:
    for name in [name for name in MODELS if not find_model(name).knows_distance]:
        stored, _ = learn_wave(0, 30, name, 2)
        away = np.array([0.0, 1, 2, 4, 8, 16, 32])
        half = stored.predict(pd.DataFrame({"a": away, "b": 0.0}))[1]
        factors = stored.widening.compute_factors(
            Rows(stored.fitted.encoder.transform(pd.DataFrame({"a": away, "b": 0.0})))
        )
        assert factors[0] == 1
        assert (np.diff(factors[1:]) > 0).all()
        # in the end twice as far is twice as wide
        assert np.isclose(factors[-1] / factors[-2], 2, atol=0.15)
        assert half[-1] > 5 * half[0]
    assert not learn_wave(0, 30, "gaussian_process", 2)[0].widening.widens


def test_the_growth_of_intervals_is_that_of_held_out_errors_if_there_are_enough() -> None:
    rng = np.random.default_rng(0)
    distance = rng.exponential(size=4000)
    radius = np.quantile(distance, 0.9)
    learned = np.zeros((1, 1))
    for change in (0.5, 1.0, 2.0):
        widths = 1 + 2 * 1.5 * change * np.maximum(distance - radius, 0)
        found = fit_widening(learned, distance, rng.normal(size=4000) * widths, 1.5)
        assert np.isclose(found.growth, 3 * change, rtol=0.25)
        assert found.radius == radius
    few = fit_widening(learned, distance[:150], rng.normal(size=150), 1.5)
    assert few.growth == 3  # two deviations of the values, which are one and a half half widths
    assert np.isclose(few.convert_distances(np.array([few.radius, few.radius + 1])), [1, 4]).all()


@pytest.mark.parametrize("columns", list(INPUTS))
def test_the_distance_in_a_screen_is_that_of_validation(columns: str) -> None:
    rows, designs = some_rows(50, 0), some_rows(23, 1)
    validation = cross_validate(INPUTS[columns], rows, 2)
    stored = refit("gaussian_process", validation)
    found = Scorer(stored, rows.iloc[:40], rows.iloc[40:]).predict(designs)
    expected = compute_neighbour_distance(stored.fitted, stored.frame(rows.iloc[:40]), stored.frame(designs))
    np.testing.assert_allclose(found.distance, expected, rtol=1e-9)
    known = designs.assign(composition=rows["composition"].iloc[:23], hull=rows["hull"].iloc[:23])
    assert not Scorer(stored, rows.iloc[:10], rows.iloc[10:]).predict(known).novel.any()


@pytest.mark.parametrize("name", ["gaussian_process", "support_vector"])
def test_kernels_by_distances_are_those_of_the_library(name: str) -> None:
    rows, designs = some_rows(50, 0), some_rows(23, 1)
    validation = cross_validate(INPUTS["many columns"], rows, 2)
    stored = refit(name, validation)
    encoded = Rows(stored.fitted.encoder.transform(stored.frame(designs)))
    agree(stored.fitted.predict_encoded(encoded), stored.fitted.predict_by_library(encoded))  # type: ignore[attr-defined]


# what a table says of its errors


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("nearest")])
def test_a_value_of_large_error_moves_no_model_as_far_as_a_sure_one(name: str) -> None:
    x = np.linspace(0, 1, 30)
    frame, observed = pd.DataFrame({"x": x}), np.sin(3 * x)
    observed[15] += 5
    errors, there = np.full(30, 0.1), frame.iloc[[15]]
    unsure = errors.copy()
    unsure[15] = 5
    means = [
        make_model(name, Options(0, 30), find_model(name).choose_settings(30)).fit([], frame, observed, given)
        for given in (None, errors, unsure)
    ]
    plain, alike, warned = (float(model.predict_mean(there)[0]) for model in means)
    without = np.delete(observed, 15)
    calm = make_model(name, Options(0, 30), find_model(name).choose_settings(30))
    calm.fit([], frame.drop(index=15), without)
    truth = float(calm.predict_mean(there)[0])
    # trees that are grown to single rows pass through each, whatever its weight
    assert abs(warned - truth) < abs(plain - truth) or (name == "extra_trees" and warned == plain)
    # equal errors say nothing of which row to believe
    assert name == "gaussian_process" or alike == plain


@pytest.mark.parametrize("errors", [[np.nan] * 20, [0.0] * 20, [0.0, np.nan] * 10, [0.1] * 19 + [np.nan]])
def test_any_errors_can_be_learned_from(errors: list[float]) -> None:
    x = np.linspace(0, 1, 20)
    for name in MODELS:
        model = make_model(name, Options(0, 10), {}).fit([], pd.DataFrame({"x": x}), np.sin(3 * x), np.array(errors))
        assert np.isfinite(model.predict_mean(pd.DataFrame({"x": x}))).all(), name


def test_rows_without_a_result_are_no_part_of_a_problem_and_errors_stay_with_their_rows() -> None:
    rows = some_rows(12, 0)
    rows["y: error"] = np.arange(12.0)
    rows.loc[[2, 5], "y"] = np.nan
    table = Table.model_validate({"file": "a.csv"})
    problem = make_problem(rows, {}, "all_features", Inputs((NUMBER,)), TARGET, table)
    assert (problem.n_scored, len(problem.frame), len(problem.groups)) == (10, 10, 10)
    assert problem.lines.tolist() == [0, 1, 3, 4, 6, 7, 8, 9, 10, 11]
    np.testing.assert_array_equal(problem.frame["hull"], rows["hull"].drop(index=[2, 5]))
    order = np.random.default_rng(0).permutation(10)
    shuffled = problem.shuffle_observed(order)
    assert problem.errors is not None
    assert shuffled.errors is not None
    pairs = dict(zip(problem.observed, problem.errors, strict=True))
    assert [pairs[value] for value in shuffled.observed] == shuffled.errors.tolist()
